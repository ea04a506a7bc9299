//! `#[checked]`: every field of a struct becomes a cell whose accesses are checked.
//!
//! To be used through the crate `racecheck` (feature `derive`), whose cells the expansion names. What it
//! makes is what one would write by hand, and no more: the same struct with other types, and its constructor.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Field, Fields, Ident, ItemStruct, Type, parse_quote};

/// Makes each field of a struct a `RaceCell`, named `Struct.field` in reports, and a constructor that takes the
/// fields' values in their order: `new`, or what the attribute names (`#[checked(from_parts)]`).
///
/// A field with `#[plain]` stays as it is.
#[proc_macro_attribute]
pub fn checked(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let expanded = syn::parse(arguments).and_then(|arguments| expand(arguments, syn::parse(item)?));
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// What the attribute says.
struct Arguments {
    constructor: Ident,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let constructor =
            if input.is_empty() { Ident::new("new", Span::call_site()) } else { input.parse()? };
        match input.is_empty() {
            true => Ok(Arguments { constructor }),
            false => Err(input.error("`checked` takes one name: that of the constructor that it makes")),
        }
    }
}

fn expand(Arguments { constructor }: Arguments, mut item: ItemStruct) -> syn::Result<TokenStream> {
    if matches!(item.fields, Fields::Unit) {
        return Err(syn::Error::new(item.span(), "this struct has no field that could be checked"));
    }
    let name = &item.ident;
    let (mut parameters, mut values) = (Vec::new(), Vec::new());
    for (at, field) in item.fields.iter_mut().enumerate() {
        let shown = field.ident.as_ref().map_or_else(|| at.to_string(), Ident::to_string);
        let value = field.ident.clone().unwrap_or_else(|| format_ident!("field_{at}"));
        let given = field.ty.clone();
        parameters.push(quote!(#value: #given));
        let full_name = format!("{name}.{shown}");
        let made = match take_plain(field) {
            true => quote!(#value),
            false => {
                field.ty = cell_of(&given);
                quote!(::racecheck::cell::RaceCell::named(#full_name, #value))
            }
        };
        values.push(match &field.ident {
            Some(ident) => quote!(#ident: #made),
            None => made,
        });
    }
    let body = match item.fields {
        Fields::Named(_) => quote!(#name { #(#values),* }),
        Fields::Unnamed(_) | Fields::Unit => quote!(#name(#(#values),*)),
    };
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    let visible = &item.vis;
    Ok(quote! {
        #item

        impl #generics #name #arguments #bounds {
            /// Each value in a cell of its own, made where this is called.
            #[track_caller]
            #[allow(clippy::too_many_arguments)]
            #visible const fn #constructor(#(#parameters),*) -> Self {
                #body
            }
        }
    })
}

/// Takes the field's `#[plain]` away; true if it was there.
fn take_plain(field: &mut Field) -> bool {
    let is_plain = |attribute: &Attribute| attribute.path().is_ident("plain");
    let before = field.attrs.len();
    field.attrs.retain(|attribute| !is_plain(attribute));
    field.attrs.len() < before
}

fn cell_of(value: &Type) -> Type {
    parse_quote!(::racecheck::cell::RaceCell<#value>)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: &str, item: &str) -> Result<String, String> {
        let parsed = syn::parse_str(arguments).and_then(|arguments| expand(arguments, syn::parse_str(item)?));
        parsed.map(|tokens| tokens.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_field_becomes_a_cell_of_its_own() {
        let text = expanded("", "pub struct A<T: Copy> { pub x: T, #[plain] y: String }").unwrap();
        assert!(text.contains("pub x : :: racecheck :: cell :: RaceCell < T >"), "{text}");
        assert!(text.contains("y : String") && !text.contains("plain"), "{text}");
        assert!(text.contains("pub const fn new (x : T , y : String) -> Self"), "{text}");
        assert!(text.contains("\"A.x\""), "{text}");
    }

    #[test]
    fn a_tuple_has_numbers_for_names() {
        let text = expanded("from_parts", "struct Pair(u32, u32);").unwrap();
        assert!(text.contains("\"Pair.1\"") && text.contains("const fn from_parts"), "{text}");
    }

    #[test]
    fn misuse_is_told_where_it_is() {
        assert!(expanded("", "enum E { A }").is_err());
        assert!(expanded("", "struct U;").unwrap_err().contains("no field"));
        assert!(expanded("a, b", "struct A { x: u8 }").unwrap_err().contains("one name"));
    }
}

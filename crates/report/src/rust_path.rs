//! Paths of functions as a key: the same for every instance of a generic function, in both mangling
//! schemes, and whatever closures are added or taken away beside it.

use alloc::string::String;

/// How deep types in front of a path are followed; deeper ones are left out.
const DEEPEST: usize = 16;

/// The path of a function without generic arguments, traits and numbers of closures.
///
/// | demangled | plain |
/// |---|---|
/// | `<alloc::vec::Vec<u8>>::push` | `alloc::vec::Vec::push` |
/// | `alloc::vec::Vec<T,A>::push` | `alloc::vec::Vec::push` |
/// | `<a::S<T> as b::Act<u8>>::act::<i32>` | `a::S::act` |
/// | `a::main::{closure#2}` | `a::main::{closure}` |
pub fn plain_path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    push_plain(&mut path, name, DEEPEST);
    path
}

/// The crate that a plain path begins with.
pub fn crate_of(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

fn push_plain(path: &mut String, name: &str, depth: usize) {
    let mut rest = name;
    if let Some((type_and_trait, after)) = name.strip_prefix('<').and_then(split_at_close) {
        if let Some(depth) = depth.checked_sub(1) {
            let own = type_and_trait[..end_of_type(type_and_trait)].trim_start_matches(['&', '*']);
            let own = ["mut ", "const ", "dyn "].iter().fold(own, |own, word| own.trim_start_matches(word));
            push_plain(path, own, depth);
        }
        rest = after;
    }
    while let Some(at) = rest.find(['<', '#']) {
        let (before, special) = rest.split_at(at);
        let tail = &special[1..];
        path.push_str(before);
        rest = if special.starts_with('#') {
            tail.trim_start_matches(|c: char| c.is_ascii_digit())
        } else {
            match split_at_close(tail) {
                Some((_, after)) => {
                    // What was written `::<T>` leaves its colons behind.
                    if path.ends_with("::") {
                        path.truncate(path.len() - 2);
                    }
                    after
                }
                // An operator or a damaged name.
                None => {
                    path.push('<');
                    tail
                }
            }
        };
    }
    path.push_str(rest);
}

/// Splits at the `>` that closes a `<` just before the text. The one of a `->` closes nothing.
fn split_at_close(text: &str) -> Option<(&str, &str)> {
    let mut open = 1usize;
    let mut before = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => open += 1,
            b'>' if before != b'-' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
        before = byte;
    }
    None
}

/// Where the type ends in `Type as Trait`.
fn end_of_type(text: &str) -> usize {
    let mut open = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' => open += 1,
            b'>' if text[..at].ends_with('-') => {}
            b'>' | b')' | b']' => open = open.saturating_sub(1),
            b' ' if open == 0 && text[at..].starts_with(" as ") => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemes_give_one_path() {
        for (name, plain) in [
            ("counter::main", "counter::main"),
            ("counter::main::{closure#2}", "counter::main::{closure}"),
            ("alloc::vec::Vec<T,A>::push", "alloc::vec::Vec::push"),
            ("<alloc::vec::Vec<u8>>::push", "alloc::vec::Vec::push"),
            ("<a::S<T> as b::Act<u8>>::act::<i32>", "a::S::act"),
            ("<&mut a::S as b::Act>::act", "a::S::act"),
            ("<<a::S as b::Has>::Part as c::D>::run::{closure#0}", "a::S::Part::run::{closure}"),
            ("a::call::<fn(u8) -> alloc::vec::Vec<u8>>", "a::call"),
            ("<fn(a::X<u8>) -> u8 as a::Call>::call", "fn(a::X) -> u8::call"),
            ("<(a::X as b::Y, u8) as c::Z>::z", "(a::X as b::Y, u8)::z"),
            ("operator<", "operator<"),
            ("a::b<c", "a::b<c"),
            ("", ""),
        ] {
            assert_eq!(plain_path(name), plain, "{name}");
        }
        assert_eq!(crate_of("a::b"), "a");
    }

    #[test]
    fn deep_names_end() {
        let deep = "<".repeat(2000) + "a" + &">::b".repeat(2000);
        assert!(plain_path(&deep).ends_with("::b"));
        assert_eq!(plain_path(&"<".repeat(2000)).len(), 2000);
    }

    proptest::proptest! {
        #[test]
        fn no_name_panics(name in "[<>a: #{}()\\[\\]&é-]{0,30}") {
            plain_path(&name);
        }
    }
}

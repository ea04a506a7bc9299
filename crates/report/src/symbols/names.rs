//! Names as a Rust programmer writes them.

use alloc::string::String;
use core::fmt::{self, Write};

/// Longest name that is kept, in bytes. A generic name may grow exponentially in its mangled length.
const LONGEST: usize = 4096;

/// Demangles a symbol of Rust, of either scheme and without its hash. Other names (C, C++) stay.
///
/// The legacy scheme's `{{closure}}` is written `{closure}`, closer to the newer `{closure#0}`.
pub fn demangle(symbol: &str) -> String {
    let mut name = Bounded(String::new());
    // Stops by itself where the name is full; what was written up to there is the name.
    let _ = match rustc_demangle::try_demangle(symbol) {
        Ok(demangled) => write!(name, "{demangled:#}"),
        Err(_) => name.write_str(symbol),
    };
    let mut name = name.0;
    if name.contains("{{") {
        name = name.replace("{{", "{").replace("}}", "}");
    }
    name
}

/// Demangles the name of a variable: that of a `thread_local!` is the name which it was declared with,
/// not that of the constant in which the macro hides it.
pub fn demangle_variable(symbol: &str) -> String {
    let mut name = demangle(symbol);
    let hidden = name.ends_with("::__RUST_STD_INTERNAL_VAL") || name.ends_with("::VAL");
    if let Some(end) = name.find("::{constant").filter(|_| hidden) {
        name.truncate(end);
    }
    name
}

/// Gives a closure at the end of a legacy name the number that only the debug info knows:
/// `main::{closure}` and `{closure#1}<u32>` make `main::{closure#1}`.
pub fn number_closure(name: &mut String, short_name: &str) {
    let number = short_name.strip_prefix("{closure#").and_then(|rest| rest.split_once('}'));
    if let (Some((number, _)), Some(path)) = (number, name.strip_suffix("{closure}")) {
        let path = path.len();
        name.truncate(path);
        // Writing to a `String` can't fail.
        let _ = write!(name, "{{closure#{number}}}");
    }
}

/// A text that refuses to grow beyond [`LONGEST`].
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LONGEST.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        let end = (0..=room).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        self.0.push_str(&text[..end]);
        self.0.push('…');
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn both_manglings_lose_their_hash() {
        assert_eq!(demangle("_ZN7counter4main17h8465f9fa6eebe5c6E"), "counter::main");
        assert_eq!(
            demangle("_ZN52_$LT$counter..S$LT$T$GT$$u20$as$u20$counter..Act$GT$3act17h72b8454cfcf00ebfE"),
            "<counter::S<T> as counter::Act>::act"
        );
        assert_eq!(
            demangle("_RNvNvMNtNtCsjrHSEGnQ3l9_3std6thread2idNtB4_8ThreadId3new7COUNTER"),
            "<std::thread::id::ThreadId>::new::COUNTER"
        );
        assert_eq!(demangle("pthread_create"), "pthread_create");
    }

    #[test]
    fn closures_are_readable() {
        let mut name = demangle("_ZN7counter4main28_$u7b$$u7b$closure$u7d$$u7d$17heff54534b2caceb7E");
        assert_eq!(name, "counter::main::{closure}");
        number_closure(&mut name, "{closure#2}<u32, (a::{closure_env#0})>");
        assert_eq!(name, "counter::main::{closure#2}");
        let mut other = "counter::main".to_string();
        number_closure(&mut other, "main<u32>");
        assert_eq!(other, "counter::main");
    }

    #[test]
    fn a_thread_local_has_the_name_of_its_declaration() {
        let symbol = "_ZN7counter5LOCAL29_$u7b$$u7b$constant$u7d$$u7d$28_$u7b$$u7b$closure$u7d$$u7d$\
                      23__RUST_STD_INTERNAL_VAL17h12038df6e763a1d8E";
        assert_eq!(demangle_variable(symbol), "counter::LOCAL");
    }

    #[test]
    fn a_name_is_cut_at_a_character() {
        let name = demangle(&"ü".repeat(4000));
        assert!(name.len() <= LONGEST + '…'.len_utf8());
        assert!(name.ends_with('…'));
    }
}

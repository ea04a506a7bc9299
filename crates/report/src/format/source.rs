//! Where in a line of source an access is: debug info has its first column only.

use core::ops::Range;

/// The bytes of the line's part that begins at `column` (from 1, in bytes, as rustc's debug info has it)
/// and looks like one expression: up to a separator, a closing bracket that was not opened in it, or a
/// block. At least one byte of a line that has any; the whole line's code if the column is unknown.
pub fn expression(line: &str, column: u32) -> Range<usize> {
    let indent = line.len() - line.trim_start().len();
    let start = match column {
        0 => indent,
        column => (column as usize - 1).min(line.len()),
    };
    // A column in the middle of a character is a file that has changed since.
    let start = if line.is_char_boundary(start) { start } else { indent };
    let end = start + length(&line[start..]);
    start..end.max((start + 1).min(line.len()))
}

fn length(text: &str) -> usize {
    let mut depth = 0usize;
    let mut quoted = false;
    let mut last = '\0';
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        let escaped = last == '\\';
        last = if escaped { '\0' } else { c };
        match c {
            '"' if !escaped => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' => depth += 1,
            ')' | ']' | '}' if depth == 0 => {
                end = at;
                break;
            }
            ')' | ']' => depth -= 1,
            ';' | ',' | '{' if depth == 0 => {
                end = at;
                break;
            }
            '/' if text[at..].starts_with("//") => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    text[..end].trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, column: u32) -> &str {
        &line[expression(line, column)]
    }

    #[test]
    fn an_expression_ends_where_something_else_begins() {
        assert_eq!(shown("    unsafe { X += 1 };", 14), "X += 1");
        assert_eq!(shown("    f(a, g(b, c)); // x", 5), "f(a, g(b, c))");
        assert_eq!(shown("    f(a, g(b, c));", 10), "g(b, c)");
        assert_eq!(shown("    if v[0] == 1 {", 8), "v[0] == 1");
        assert_eq!(shown("    x = \"a;b\"; y", 5), "x = \"a;b\"");
        assert_eq!(shown("    *p // why", 5), "*p");
        assert_eq!(shown("    foo.bar()", 0), "foo.bar()");
    }

    #[test]
    fn changed_files_give_something() {
        assert_eq!(shown("é", 2), "é");
        assert_eq!(shown("ab", 99), "");
        assert_eq!(shown("", 1), "");
        assert_eq!(shown("a;", 2), ";");
    }
}

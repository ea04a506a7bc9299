//! Patterns over names and paths.

use alloc::string::{String, ToString};

use crate::model::Frame;

/// A text in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    pub fn whole(pattern: &str) -> Self {
        Glob(pattern.to_string())
    }

    /// ThreadSanitizer's pattern: open at both ends that are not marked.
    pub fn tsan(pattern: &str) -> Self {
        let (begin, pattern) = pattern.strip_prefix('^').map_or(("*", pattern), |rest| ("", rest));
        let (end, pattern) = pattern.strip_suffix('$').map_or(("*", pattern), |rest| ("", rest));
        Glob([begin, pattern, end].concat())
    }

    pub fn is_any(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }

    /// Takes time proportional to the product of both lengths at worst: no part is tried again.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            // The leftmost place leaves most room for the parts that follow.
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(last)
    }

    /// Matches a path from its beginning or from behind any `/` on.
    pub fn matches_file(&self, path: &str) -> bool {
        self.matches(path) || path.match_indices('/').any(|(at, _)| self.matches(&path[at + 1..]))
    }

    pub fn matches_frame(&self, frame: &Frame) -> bool {
        [&frame.function, &frame.file, &frame.module].into_iter().flatten().any(|text| self.matches(text))
    }
}

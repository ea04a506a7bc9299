//! What becomes of findings outside of the program: files of them are read, judged by what people have
//! said about them, joined, compared and written in every format.
//!
//! | module | what it does |
//! |---|---|
//! | [`file`] | reads files of findings, line by line; names every line that is broken |
//! | [`judge`] | suppressions and the baseline: what a finding's standing is |
//! | [`baseline`] | the baseline's own file |
//! | [`output`] | files that are whole or not there at all |
//! | [`plan`] | what `--format` and `--output` ask for |
//! | [`merge`] | joins the files of many shards in bounded memory |
//! | [`sources`] | source files, for the formats that show them |
//! | [`note`] | what processes could not see, summed up |

pub mod baseline;
pub mod file;
pub mod judge;
pub mod merge;
pub mod note;
pub mod output;
pub mod plan;
pub mod sources;

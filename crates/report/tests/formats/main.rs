//! The formats from outside: goldens (`BLESS=1` writes them anew), and the validators of those who made
//! the formats.

mod browser;
mod documents;
mod pretty;
mod samples;
mod schema;

//! The program aborts; nothing is reported.
//@ status: 134
use std::process;

fn main() {
    process::abort();
}

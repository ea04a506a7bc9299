//! `racecheck explain`: what a code means.

use std::io::Write;
use std::process::ExitCode;

use racecheck_report::code::Code;

use crate::error::{Error, Result};

/// Prints the explanation of a code, or the list of codes.
pub fn print(code: Option<&str>) -> Result<ExitCode> {
    let text = match code {
        Some(text) => {
            let code: Code = text.parse().map_err(|_| Error::NoSuchCode { code: text.to_owned() })?;
            code.explanation().to_owned()
        }
        None => Code::ALL.iter().map(|code| format!("{code}  {}\n", code.title())).collect(),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::file("write to", "stdout"))?;
    Ok(ExitCode::SUCCESS)
}

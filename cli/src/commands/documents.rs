//! `racecheck completions` and `racecheck man`: what the definition of the command line says, in other forms.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap_complete::Shell;
use clap_mangen::Man;

use crate::cache;
use crate::error::{Error, Result};
use crate::options;

/// Prints the completions for a shell.
pub fn completions(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut options::definition(), "racecheck", &mut script);
    print(&script)
}

/// Prints the manual's first page, or writes all of them to a folder.
pub fn manual(folder: Option<&Path>) -> Result<ExitCode> {
    let mut definition = options::definition();
    definition.build();
    let Some(folder) = folder else { return print(&page(definition)?) };
    std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let commands: Vec<_> = definition.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    for command in commands.into_iter().filter(|command| command.get_name() != "help") {
        // A leaked name per command, in a process that ends after this.
        let name: &'static str = format!("racecheck-{}", command.get_name()).leak();
        cache::write_whole(&folder.join(format!("{name}.1")), &page(command.name(name))?)?;
    }
    cache::write_whole(&folder.join("racecheck.1"), &page(definition)?)?;
    Ok(ExitCode::SUCCESS)
}

fn page(command: clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(Error::file("write to", "memory"))?;
    Ok(page)
}

fn print(text: &[u8]) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).map_err(Error::file("write to", "stdout"))?;
    Ok(ExitCode::SUCCESS)
}

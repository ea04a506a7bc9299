//! What racecheck says about its own work, on stderr: a bar where a person looks, plain lines elsewhere,
//! in cargo's form.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How much racecheck says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing but errors.
    Quiet,
    /// What takes time.
    #[default]
    Normal,
}

/// Says what racecheck is at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    verbosity: Verbosity,
}

impl Progress {
    /// Says as much as this.
    pub fn new(verbosity: Verbosity) -> Self {
        Progress { verbosity }
    }

    /// A line: what is done, in a word, and with what.
    pub fn say(&self, verb: &str, what: &str) {
        if self.verbosity != Verbosity::Quiet {
            let style = Style::new().bold().fg_color(Some(AnsiColor::Green.into()));
            // If nobody can read it, there is nobody to tell.
            let _ = writeln!(anstream::stderr(), "{style}{verb:>12}{style:#} {what}");
        }
    }

    /// Begins a piece of work of a known size.
    pub fn bar(&self, verb: &str, what: &str, size: u64) -> Bar {
        if self.verbosity == Verbosity::Quiet {
            return Bar(ProgressBar::hidden());
        }
        if !std::io::stderr().is_terminal() {
            self.say(verb, what);
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix:>12.bold.green} {msg} [{bar:20}] {percent}%")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb.to_owned());
        bar.set_message(what.to_owned());
        bar.tick();
        Bar(bar)
    }
}

/// A piece of work. The bar is gone when this is dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// So much more is done.
    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

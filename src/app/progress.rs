//! Progress of the start: a spinner on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// Shows one step at a time on standard output; log lines go to standard error. Clones show the same.
#[derive(Clone)]
pub(super) struct Progress {
    terminal: bool,
    current: Arc<Mutex<ProgressBar>>,
}

/// A step that is being worked on.
pub(super) struct Step<'a> {
    progress: &'a Progress,
    name: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { terminal: stdout().is_terminal(), current: Arc::new(Mutex::new(ProgressBar::hidden())) }
    }

    /// Begins a step.
    pub(super) fn step(&self, name: &str) -> Step<'_> {
        if self.terminal {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            bar.set_style(ProgressStyle::default_spinner());
            bar.set_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(100));
            self.replace(bar);
        } else {
            self.print(&format!("{name} …"));
        }
        Step { progress: self, name: name.to_owned() }
    }

    /// Prints a text that stays.
    pub(super) fn print(&self, text: &str) {
        self.bar().suspend(|| {
            // Whoever closed standard output does not want to know.
            let _ = writeln!(stdout().lock(), "{text}");
        });
    }

    /// Says where to let the node in. A phone can take it from the screen.
    pub(super) fn login_url(&self, url: &str) {
        self.print(&format!("\nTo let this node into your tailnet, open:\n\n    {url}\n"));
        if self.terminal
            && let Ok(code) = QrCode::new(url)
        {
            self.print(&code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
        }
        self.waiting("Waiting for you to log in");
    }

    /// Says that an administrator has to let the node in.
    pub(super) fn approval(&self) {
        self.waiting("Waiting for an administrator to approve this node (admin console, Machines)");
    }

    /// Shows what is being waited for.
    pub(super) fn waiting(&self, what: &str) {
        if self.terminal { self.bar().set_message(what.to_owned()) } else { self.print(&format!("{what} …")) }
    }

    fn bar(&self) -> ProgressBar {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, bar: ProgressBar) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.finish_and_clear();
        *current = bar;
    }
}

impl Step<'_> {
    /// How far it is.
    pub(super) fn update(&self, detail: &str) {
        if self.progress.terminal {
            self.progress.bar().set_message(format!("{}: {detail}", self.name));
        }
    }

    /// Ends it with its result.
    pub(super) fn done(self, result: &str) {
        let mut letters = result.chars();
        let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        self.progress.replace(ProgressBar::hidden());
        self.progress.print(&capital);
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.progress.replace(ProgressBar::hidden());
    }
}

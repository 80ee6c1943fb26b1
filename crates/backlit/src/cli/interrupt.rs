//! Ctrl-C: a run stops between two batches, whole files stay and half ones do not.

use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::Failure;

/// Whether the run is to stop.
static STOP: AtomicBool = AtomicBool::new(false);
/// Whether somebody looks at [`STOP`].
static WATCHED: AtomicBool = AtomicBool::new(false);

/// What a shell expects of a program that Ctrl-C ended: 128 + 2.
pub(crate) const CODE: u8 = 130;

/// From here on Ctrl-C asks first; a second one ends the program at once, as any does while nobody is watching.
pub(crate) fn install() {
    // Without a handler Ctrl-C does what it always did.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) || !WATCHED.load(Ordering::Relaxed) {
            std::process::exit(CODE.into());
        }
    });
}

/// While it lives, Ctrl-C is waited for.
pub(crate) struct Watch;

impl Watch {
    pub(crate) fn begin() -> Watch {
        WATCHED.store(true, Ordering::Relaxed);
        Watch
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.store(false, Ordering::Relaxed);
    }
}

/// For [`Run::with_cancel`](backlit::saliency::Run::with_cancel).
pub(crate) fn flag() -> &'static AtomicBool {
    &STOP
}

/// Whether to stop.
pub(crate) fn stopped() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// For loops that no [`Run`](backlit::saliency::Run) goes through.
///
/// # Errors
/// [`Failure::Interrupted`] if the run is to stop.
pub(crate) fn check() -> Result<(), Failure> {
    if stopped() { Err(Failure::Interrupted) } else { Ok(()) }
}

/// What ended a run: Ctrl-C, whatever the work that it stopped said.
pub(crate) fn reason(failure: Failure) -> Failure {
    if stopped() { Failure::Interrupted } else { failure }
}

/// Stops what runs on other threads, for another reason.
pub(crate) fn stop() {
    STOP.store(true, Ordering::Relaxed);
}

//! Runs a reader that borrows from itself, or may panic on damaged files, on a thread of its own. Blocks
//! come through a bounded channel, so memory stays fixed; a panic becomes a refusal of the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::block::{Block, Source, Step, Stop, refuse};

/// Blocks that wait for the converter.
const WAITING: usize = 2;

/// Where the thread's reader puts its blocks.
pub(super) struct Outlet(SyncSender<Step<Block>>, Arc<Mutex<Notes>>);

/// What a reader says of how it read its file.
#[derive(Default)]
struct Notes {
    notes: Vec<String>,
    /// The sheet that was taken of several.
    sheet: Option<String>,
}

impl Outlet {
    /// Hands a block over; `false` when nobody wants more.
    pub(super) fn give(&self, block: Block) -> bool {
        self.0.send(Ok(block)).is_ok()
    }

    /// Says something about how the file is read.
    pub(super) fn note(&self, note: String) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).notes.push(note);
    }

    /// Says which sheet of several is read.
    pub(super) fn chose(&self, sheet: &str) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).sheet = Some(sheet.to_string());
    }
}

/// The blocks of a reader on its own thread.
pub(super) struct ThreadSource {
    blocks: Receiver<Step<Block>>,
    notes: Arc<Mutex<Notes>>,
}

impl ThreadSource {
    /// Starts `read`; `what` names the format if it panics.
    pub(super) fn start(what: &'static str, read: impl FnOnce(&Outlet) -> Step<()> + Send + 'static) -> Step<Self> {
        let (sender, blocks) = sync_channel(WAITING);
        let notes = Arc::new(Mutex::new(Notes::default()));
        let said = Arc::clone(&notes);
        let work = move || {
            let outlet = Outlet(sender, said);
            let ended = catch_unwind(AssertUnwindSafe(|| read(&outlet)));
            let last = match ended {
                Ok(Ok(())) => return,
                Ok(Err(stop)) => Err(stop),
                Err(_) => refuse(format!("the {what} is damaged: its reader gave up; send the file again")),
            };
            // the receiver may be gone already, and then nobody asks
            drop(outlet.0.send(last));
        };
        std::thread::Builder::new().name("intake".into()).spawn(work).map_err(|err| Stop::Failed(err.into()))?;
        Ok(Self { blocks, notes })
    }
}

impl Source for ThreadSource {
    fn next(&mut self, block: &mut Block) -> Step<bool> {
        match self.blocks.recv() {
            Ok(Ok(next)) => {
                *block = next;
                Ok(true)
            }
            Ok(Err(stop)) => Err(stop),
            Err(_) => Ok(false),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).notes.clone()
    }

    fn sheet(&self) -> Option<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).sheet.clone()
    }
}

//! Changes of this computer's settings that are undone: on drop, on an error half-way, and at the next start after a
//! kill.
//!
//! Every change is written to a journal first, with what was there before. Undoing puts that back where the setting
//! still has the value that was set; what somebody else has changed meanwhile is theirs, and stays.
//!
//! ```text
//! read before -> journal {setting, before, after} -> write after      change
//! read now == after? -> write before -> journal: undone               undo, in reverse order
//! ```

#[cfg(not(windows))]
mod access;
mod journal;
mod setting;

pub(crate) use setting::{Family, Setting, Value};

#[cfg(windows)]
use crate::route::windows::access;

use std::io;
use std::path::Path;

use journal::{Folder, Journal, MAX_JOURNALS, Record};

/// The settings of a computer, one at a time. The true one, or a test's.
pub(crate) trait Host: Send {
    /// What `setting` is now; `None` if it is not there.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::NotFound`] if there is no longer anything that could have the setting.
    fn read(&mut self, setting: &Setting) -> io::Result<Option<Value>>;

    /// Sets it; `None` removes it.
    ///
    /// # Errors
    /// As [`Host::read`].
    fn write(&mut self, setting: &Setting, value: Option<&Value>) -> io::Result<()>;
}

/// Changes that are held. Dropping it undoes them.
#[derive(Debug)]
pub(crate) struct Lease<H: Host> {
    host: H,
    /// `None` only while it is dropped.
    journal: Option<Journal>,
    /// In the order in which they were made.
    held: Vec<Held>,
}

/// A setting that was changed.
#[derive(Debug)]
struct Held {
    setting: Setting,
    before: Option<Value>,
    /// What it was set to last, and before that: a kill may come between the journal and the write.
    after: Option<Value>,
    earlier: Option<Option<Value>>,
}

impl<H: Host> Lease<H> {
    /// Begins a lease, and undoes what killed processes have left, as far as possible.
    ///
    /// # Errors
    /// The system's: no journal can be written. Nothing may be changed then.
    #[cfg(windows)]
    pub(crate) fn open(host: H) -> io::Result<Self> {
        Self::open_in(host, &access::journals()?)
    }

    /// As [`Lease::open`], with the journals of `folder`.
    pub(crate) fn open_in(host: H, folder: &Path) -> io::Result<Self> {
        Self::begin(host, &Folder::open(folder)?)
    }

    fn begin(mut host: H, folder: &Folder) -> io::Result<Self> {
        let _lock = folder.lock()?;
        recover(folder, &mut host)?;
        let journal = Journal::create(folder)?;
        Ok(Self { host, journal: Some(journal), held: Vec::new() })
    }

    /// Sets `setting` until the lease ends. Returns whether that was needed. What was there at the first time is what
    /// comes back at the end, however often it is set.
    ///
    /// # Errors
    /// The host's or the journal's. Nothing has changed then.
    pub(crate) fn change(&mut self, setting: Setting, value: Option<Value>) -> io::Result<bool> {
        let present = self.host.read(&setting)?;
        if present == value {
            return Ok(false);
        }
        let at = self.held.iter().position(|held| held.setting == setting);
        let before = at.map_or(present, |at| self.held[at].before.clone());
        if !setting.allows(before.as_ref()) || !setting.allows(value.as_ref()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it could not be put back"));
        }
        self.note(&Record::Change {
            setting: setting.clone(),
            before: before.clone(),
            after: value.clone(),
        })?;
        match self.host.write(&setting, value.as_ref()) {
            Ok(()) => {
                tracing::debug!(target: "lanparty::lease", %setting, ?before, after = ?value, "changed");
                match at.map(|at| &mut self.held[at]) {
                    Some(held) => held.set(value),
                    None => self.held.push(Held { setting, before, after: value, earlier: None }),
                }
                Ok(true)
            }
            Err(error) => {
                let taken_out = match at.map(|at| &self.held[at]) {
                    Some(held) => held.record(),
                    None => Record::Undone { setting },
                };
                self.note_if_possible(&taken_out);
                Err(error)
            }
        }
    }

    /// Puts `setting` back, if it is held and still as it was set.
    ///
    /// # Errors
    /// The host's. It stays held then.
    pub(crate) fn undo(&mut self, setting: &Setting) -> io::Result<()> {
        let Some(at) = self.held.iter().position(|held| held.setting == *setting) else { return Ok(()) };
        self.held[at].put_back(&mut self.host)?;
        self.held.remove(at);
        self.note_if_possible(&Record::Undone { setting: setting.clone() });
        Ok(())
    }

    /// Whether `setting` was changed, and not undone.
    pub(crate) fn holds(&self, setting: &Setting) -> bool {
        self.held.iter().any(|held| held.setting == *setting)
    }

    /// What `setting` is at present.
    ///
    /// # Errors
    /// The host's.
    pub(crate) fn read(&mut self, setting: &Setting) -> io::Result<Option<Value>> {
        self.host.read(setting)
    }

    fn note(&mut self, record: &Record) -> io::Result<()> {
        let Some(journal) = &mut self.journal else { return Err(io::ErrorKind::NotConnected.into()) };
        match journal.append(record) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {}
            result => return result,
        }
        // A long run has filled it. The next one begins with what is held; until the old one is gone both say the same.
        let _lock = journal.folder().lock()?;
        let mut next = Journal::create(journal.folder())?;
        let all = self.held.iter().map(Held::record).chain([record.clone()]);
        if let Err(error) = all.into_iter().try_for_each(|record| next.append(&record)) {
            // Without its lock it would be taken for a dead owner's.
            next.remove()?;
            return Err(error);
        }
        std::mem::replace(journal, next).remove()
    }

    fn note_if_possible(&mut self, record: &Record) {
        if let Err(error) = self.note(record) {
            tracing::debug!(target: "lanparty::lease", %error, "not journaled");
        }
    }
}

impl<H: Host> Drop for Lease<H> {
    fn drop(&mut self) {
        let mut undone = Vec::new();
        let mut is_restored = true;
        for held in std::mem::take(&mut self.held).into_iter().rev() {
            match held.put_back(&mut self.host) {
                Ok(()) => undone.push(Record::Undone { setting: held.setting }),
                Err(error) => {
                    is_restored = false;
                    tracing::warn!(
                        target: "lanparty::lease",
                        setting = %held.setting,
                        %error,
                        "could not be put back; the next start tries again"
                    );
                }
            }
        }
        let Some(mut journal) = self.journal.take() else { return };
        let ended = if is_restored {
            journal.remove()
        } else {
            undone.iter().try_for_each(|record| journal.append(record))
        };
        if let Err(error) = ended {
            tracing::debug!(target: "lanparty::lease", %error, "the journal stays");
        }
    }
}

impl Held {
    fn set(&mut self, value: Option<Value>) {
        self.earlier = Some(std::mem::replace(&mut self.after, value));
    }

    fn record(&self) -> Record {
        Record::Change {
            setting: self.setting.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
        }
    }

    fn is_ours(&self, present: &Option<Value>) -> bool {
        *present == self.after || self.earlier.as_ref() == Some(present)
    }

    fn put_back(&self, host: &mut impl Host) -> io::Result<()> {
        let present = match host.read(&self.setting) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            present => present?,
        };
        if present == self.before || !self.is_ours(&present) {
            return Ok(());
        }
        match host.write(&self.setting, self.before.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

/// Undoes what dead owners have left, the newest first. The folder must be locked.
fn recover(folder: &Folder, host: &mut impl Host) -> io::Result<()> {
    let numbers = folder.list()?;
    if numbers.len() > MAX_JOURNALS {
        tracing::warn!(target: "lanparty::lease", journals = numbers.len(), "too many journals: the oldest are left");
    }
    for number in numbers.into_iter().take(MAX_JOURNALS) {
        let restored = match Journal::take(folder, number) {
            Ok(None) => continue,
            Ok(Some(journal)) => restore(journal, host),
            Err(error) => Err(error),
        };
        if let Err(error) = restored {
            let path = folder.path_of(number);
            tracing::warn!(
                target: "lanparty::lease",
                path = %path.display(),
                %error,
                "a journal of changes cannot be used, and is left"
            );
        }
    }
    Ok(())
}

/// Undoes what one journal says, and removes it if that went well.
fn restore(mut journal: Journal, host: &mut impl Host) -> io::Result<()> {
    let mut undone = Vec::new();
    let mut is_restored = true;
    for held in replay(journal.read()?).into_iter().rev() {
        match held.put_back(host) {
            Ok(()) => undone.push(Record::Undone { setting: held.setting }),
            Err(error) => {
                is_restored = false;
                tracing::warn!(
                    target: "lanparty::lease",
                    setting = %held.setting,
                    %error,
                    "what a killed run has changed could not be put back"
                );
            }
        }
    }
    if is_restored {
        journal.remove()?;
        tracing::info!(target: "lanparty::lease", settings = undone.len(), "what a killed run has changed is put back");
        return Ok(());
    }
    // A later lease may make the same changes, and must not lose them to this journal.
    undone.iter().try_for_each(|record| journal.append(record))
}

/// What was held at the end of a journal.
fn replay(records: Vec<Record>) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
    for record in records {
        match record {
            Record::Change { setting, before, after } => {
                match all.iter_mut().find(|held| held.setting == setting) {
                    Some(held) => held.set(after),
                    None => all.push(Held { setting, before, after, earlier: None }),
                }
            }
            Record::Undone { setting } => all.retain(|held| held.setting != setting),
        }
    }
    all
}

#[cfg(test)]
mod tests;

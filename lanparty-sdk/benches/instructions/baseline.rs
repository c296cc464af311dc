//! The figures that are kept beside this file, and how far a new one may be from them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// By how much a case may exceed its baseline, in per cent. Compilers, C libraries and what the processor offers for
/// copying memory move the figures by one or two.
const TOLERANCE_PERCENT: u64 = 5;

pub(crate) struct Baseline(BTreeMap<String, u64>);

pub(crate) enum Verdict {
    /// Not more than before, within the tolerance.
    Same,
    /// By so many per cent less: worth a new baseline.
    Less(u64),
    /// By so many per cent more.
    More(u64),
    /// There is no baseline.
    Unknown,
}

impl Baseline {
    pub(crate) fn read() -> Result<Self, String> {
        let path = path();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let parsed = line
                    .rsplit_once(' ')
                    .and_then(|(name, count)| Some((name.trim_end().to_owned(), count.parse().ok()?)));
                parsed.ok_or_else(|| format!("{}: {line:?} is not a name and a number", path.display()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn judge(&self, name: &str, count: u64) -> (Option<u64>, Verdict) {
        let Some(&known) = self.0.get(name) else { return (None, Verdict::Unknown) };
        let allowed = known * TOLERANCE_PERCENT / 100;
        let percent = known.abs_diff(count) * 100 / known.max(1);
        let verdict = if count > known + allowed {
            Verdict::More(percent)
        } else if count + allowed < known {
            Verdict::Less(percent)
        } else {
            Verdict::Same
        };
        (Some(known), verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.pad("same"),
            Self::Less(percent) => f.pad(&format!("-{percent} %")),
            Self::More(percent) => f.pad(&format!("+{percent} %")),
            Self::Unknown => f.pad("new"),
        }
    }
}

pub(crate) fn write(counts: &[(&str, u64)]) -> Result<(), String> {
    let mut text = "# Instructions per round of each case; x86-64 Linux, made by `--bless`.\n".to_owned();
    for (name, count) in counts {
        text += &format!("{name:<32} {count}\n");
    }
    let path = path();
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/baseline.txt"))
}

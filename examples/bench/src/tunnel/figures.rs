//! What was found, as text and as a document.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};

use crate::usage::machine;

/// Whoever carries nothing in user space, or in the clear: what could be, not who competes.
const REFERENCES: [&str; 6] = ["bare", "fastd-null", "n2n3-null", "null-tap", "veth", "vxlan"];

/// Something that is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) key: &'static str,
    title: &'static str,
    decimals: usize,
    better: Better,
    /// Where the peers' harness keeps it in its documents.
    pub(crate) peers: &'static [&'static str],
    /// What its figures are multiplied with.
    pub(crate) scale: f64,
    must: Option<Aim>,
    moonshot: Option<Aim>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
    Neither,
}

/// What a figure should reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    Value(f64),
    /// So many times what the best of the peers in the same run has.
    Best(f64),
    /// So many times what this one has.
    Peer(&'static str, f64),
}

impl Metric {
    pub(crate) const fn new(
        key: &'static str,
        title: &'static str,
        decimals: usize,
        better: Better,
        peers: &'static [&'static str],
    ) -> Self {
        Self { key, title, decimals, better, peers, scale: 1.0, must: None, moonshot: None }
    }

    pub(crate) const fn aims(self, must: Aim, moonshot: Aim) -> Self {
        Self { must: Some(must), moonshot: Some(moonshot), ..self }
    }

    pub(crate) const fn scaled(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    fn is_as_good(&self, value: f64, aim: f64) -> bool {
        match self.better {
            Better::Higher => value >= aim,
            Better::Lower => value <= aim,
            Better::Neither => true,
        }
    }
}

/// Figures by their metric's key, several of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(BTreeMap<&'static str, Vec<f64>>);

impl Samples {
    pub(crate) fn add(&mut self, key: &'static str, value: f64) {
        self.0.entry(key).or_default().push(value);
    }

    /// Adds a figure that follows from two others, sample by sample.
    pub(crate) fn derive(
        &mut self,
        key: &'static str,
        left: &str,
        right: &str,
        rule: impl Fn(f64, f64) -> f64,
    ) {
        let values = |key| self.0.get(key).cloned().unwrap_or_default();
        let pairs = values(left).into_iter().zip(values(right));
        self.0.insert(key, pairs.map(|(left, right)| rule(left, right)).collect());
    }

    fn figure(&self, key: &str) -> Option<Figure> {
        Figure::of(self.0.get(key)?)
    }
}

/// The middle of several figures, and their range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Figure {
    median: f64,
    min: f64,
    max: f64,
    count: usize,
}

impl Figure {
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted.get((sorted.len() - 1) / 2)?, sorted.get(sorted.len() / 2)?);
        Some(Self { median: f64::midpoint(*low, *high), min, max, count: sorted.len() })
    }
}

/// A table: what was measured, on whom or how often lossy.
#[derive(Debug)]
pub(crate) struct Report {
    scenario: &'static str,
    metrics: &'static [Metric],
    /// Whether what the metrics should reach is meant for what was measured.
    aims: bool,
    reps: u16,
    notes: BTreeMap<&'static str, String>,
    columns: Vec<(String, Samples)>,
}

impl Report {
    pub(crate) fn new(scenario: &'static str, metrics: &'static [Metric], reps: u16) -> Self {
        Self { scenario, metrics, aims: true, reps, notes: BTreeMap::new(), columns: Vec::new() }
    }

    /// Something else was measured than what the aims are meant for.
    pub(crate) fn without_aims(&mut self) {
        self.aims = false;
    }

    /// Tells a circumstance.
    pub(crate) fn note(&mut self, what: &'static str, how: &str) {
        self.notes.insert(what, how.to_owned());
    }

    /// The figures under a name.
    pub(crate) fn column(&mut self, name: &str) -> &mut Samples {
        let found = self.columns.iter().position(|(column, _)| column == name);
        let index = found.unwrap_or_else(|| {
            self.columns.push((name.to_owned(), Samples::default()));
            self.columns.len() - 1
        });
        &mut self.columns[index].1
    }

    pub(crate) fn each_column(&mut self, change: impl Fn(&mut Samples)) {
        self.columns.iter_mut().for_each(|(_, samples)| change(samples));
    }

    /// Whether there is somebody else in it.
    fn compares(&self) -> bool {
        self.columns.iter().any(|(name, _)| name == US) && self.columns.len() > 1
    }

    fn median(&self, name: &str, key: &str) -> Option<f64> {
        let (_, samples) = self.columns.iter().find(|(column, _)| column == name)?;
        Some(samples.figure(key)?.median)
    }

    /// What the best of those who compete with us has, and its name.
    fn best(&self, metric: &Metric) -> Option<(&str, f64)> {
        let compete = |name: &str| name != US && !REFERENCES.contains(&name);
        let figures = self.columns.iter().filter(|(name, _)| compete(name));
        let figures =
            figures.filter_map(|(name, samples)| Some((&**name, samples.figure(metric.key)?.median)));
        let by_value = |left: &(&str, f64), right: &(&str, f64)| left.1.total_cmp(&right.1);
        match metric.better {
            Better::Higher => figures.max_by(by_value),
            Better::Lower => figures.min_by(by_value),
            Better::Neither => None,
        }
    }

    /// What an aim means in this run; `None` if nobody it refers to was measured.
    fn aim(&self, metric: &Metric, aim: Option<Aim>) -> Option<f64> {
        match aim.filter(|_| self.aims)? {
            Aim::Value(value) => Some(value),
            Aim::Best(times) => Some(self.best(metric)?.1 * times),
            Aim::Peer(peer, times) => Some(self.median(peer, metric.key)? * times),
        }
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let measured =
            |metric: &&Metric| self.columns.iter().any(|(_, samples)| samples.0.contains_key(metric.key));
        let row = |metric: &'static Metric| {
            let figures = self.columns.iter().map(|(name, samples)| (&**name, samples.figure(metric.key)));
            let ours = self.median(US, metric.key);
            let best = self.best(metric);
            let verdict = |aim| {
                let value = self.aim(metric, aim)?;
                Some(Verdict { value, met: metric.is_as_good(ours?, value) })
            };
            Row {
                metric,
                figures: figures.collect(),
                best: best.map(|(name, _)| name),
                ratio: ours.zip(best).map(|(ours, (_, best))| ours / best).filter(|ratio| ratio.is_finite()),
                must: verdict(metric.must),
                moonshot: verdict(metric.moonshot),
            }
        };
        self.metrics.iter().filter(measured).map(row).collect()
    }
}

/// The column that is ours.
pub(crate) const US: &str = "lanparty";

#[derive(Debug, Serialize)]
struct Row<'a> {
    #[serde(rename = "key", serialize_with = "key")]
    metric: &'static Metric,
    #[serde(serialize_with = "map")]
    figures: Vec<(&'a str, Option<Figure>)>,
    /// Who of the others is best.
    best: Option<&'a str>,
    /// Ours by theirs.
    ratio: Option<f64>,
    must: Option<Verdict>,
    moonshot: Option<Verdict>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Verdict {
    value: f64,
    met: bool,
}

fn key<S: Serializer>(metric: &&'static Metric, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(metric.key)
}

fn map<S: Serializer>(figures: &[(&str, Option<Figure>)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(figures.iter().map(|(name, figure)| (name, figure)))
}

#[derive(Serialize)]
struct Document<'a> {
    scenario: &'a str,
    machine: String,
    repetitions: u16,
    notes: &'a BTreeMap<&'static str, String>,
    rows: Vec<Row<'a>>,
    /// Everything that was measured, in its order.
    samples: BTreeMap<&'a str, &'a BTreeMap<&'static str, Vec<f64>>>,
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let samples = self.columns.iter().map(|(name, samples)| (&**name, &samples.0)).collect();
        Document {
            scenario: self.scenario,
            machine: machine(),
            repetitions: self.reps,
            notes: &self.notes,
            rows: self.rows(),
            samples,
        }
        .serialize(to)
    }
}

/// As a table for people and for Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; repetitions: {}", self.scenario, machine(), self.reps)?;
        for (what, how) in &self.notes {
            write!(f, "; {what}: {how}")?;
        }
        writeln!(f, "\nmedians, of several (least to most)\n")?;
        let rows = self.rows();
        let compares = self.compares();
        let aims = rows.iter().any(|row| row.must.is_some());
        let mut head: Vec<&str> = vec!["what"];
        head.extend(self.columns.iter().map(|(name, _)| &**name));
        head.extend(compares.then_some("to the best"));
        head.extend(aims.then_some(["must", "moonshot"]).into_iter().flatten());
        let mut table = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        for row in &rows {
            let decimals = row.metric.decimals;
            let mut line = vec![row.metric.title.to_owned()];
            line.extend(row.figures.iter().map(|(_, figure)| cell(*figure, decimals)));
            if compares {
                line.push(match (row.ratio, row.best) {
                    (Some(ratio), Some(best)) => format!("{ratio:.2} ({best})"),
                    _ => String::new(),
                });
            }
            if aims {
                let verdict = |verdict: Option<Verdict>| match verdict {
                    Some(Verdict { value, met }) => {
                        format!("{value:.decimals$} {}", if met { "met" } else { "missed" })
                    }
                    None => String::new(),
                };
                line.extend([verdict(row.must), verdict(row.moonshot)]);
            }
            table.push(line);
        }
        write_table(f, &table)
    }
}

fn cell(figure: Option<Figure>, decimals: usize) -> String {
    match figure {
        None => "-".to_owned(),
        Some(Figure { median, count: 1, .. }) => format!("{median:.decimals$}"),
        Some(Figure { median, min, max, .. }) => {
            format!("{median:.decimals$} ({min:.decimals$} to {max:.decimals$})")
        }
    }
}

fn write_table(f: &mut fmt::Formatter<'_>, table: &[Vec<String>]) -> fmt::Result {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column| table.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (index, row) in table.iter().enumerate() {
        let mut line = String::from("|");
        for (cell, width) in row.iter().zip(&widths) {
            write!(line, " {cell:width$} |")?;
        }
        writeln!(f, "{line}")?;
        if index == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
            writeln!(f, "|{}|", rule.join("|"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &[Metric] = &[
        Metric::new("fast", "fast, Mbit/s", 0, Better::Higher, &[])
            .aims(Aim::Best(1.5), Aim::Peer("vxlan", 1.0)),
        Metric::new("late", "late, ms", 1, Better::Lower, &[]).aims(Aim::Best(1.0), Aim::Value(0.5)),
        Metric::new("absent", "absent", 1, Better::Lower, &[]),
    ];

    fn report() -> Report {
        let mut report = Report::new("test", METRICS, 3);
        for (name, fast, late) in
            [(US, [30.0, 10.0, 20.0], 1.0), ("slow", [8.0, 9.0, 10.0], 2.0), ("vxlan", [90.0; 3], 0.1)]
        {
            fast.iter().for_each(|value| report.column(name).add("fast", *value));
            report.column(name).add("late", late);
        }
        report
    }

    #[test]
    fn medians_are_compared_with_those_who_compete() {
        let report = report();
        let rows = report.rows();
        assert_eq!(rows.len(), 2, "what was not measured is not told");
        let fast = &rows[0];
        assert_eq!((fast.best, fast.ratio), (Some("slow"), Some(20.0 / 9.0)));
        assert_eq!(fast.must.map(|aim| (aim.value, aim.met)), Some((13.5, true)));
        assert_eq!(fast.moonshot.map(|aim| (aim.value, aim.met)), Some((90.0, false)));
        let late = &rows[1];
        assert_eq!(late.must.map(|aim| (aim.value, aim.met)), Some((2.0, true)));
        assert_eq!(late.moonshot.map(|aim| (aim.value, aim.met)), Some((0.5, false)));
    }

    #[test]
    fn a_run_of_our_own_has_no_best() {
        let mut report = Report::new("test", METRICS, 1);
        report.column(US).add("fast", 1.0);
        report.column(US).add("late", 0.4);
        let rows = report.rows();
        assert!(rows[0].must.is_none() && rows[0].best.is_none());
        assert_eq!(rows[1].moonshot.map(|aim| aim.met), Some(true));
    }

    #[test]
    fn what_the_aims_are_not_meant_for_has_none() {
        let mut report = report();
        report.without_aims();
        assert!(report.rows().iter().all(|row| row.must.is_none() && row.moonshot.is_none()));
        assert!(!report.to_string().contains("moonshot"));
    }

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!(Figure::of(&[4.0, 1.0, 2.0, 9.0]).map(|figure| figure.median), Some(3.0));
        assert_eq!(Figure::of(&[]), None);
    }

    #[test]
    fn text_and_document_tell_the_same() {
        let report = report();
        let text = report.to_string();
        assert!(text.contains("| fast, Mbit/s | 20 (10 to 30) |"), "{text}");
        assert!(
            text.contains("2.22 (slow)") && text.contains("14 met") && text.contains("90 missed"),
            "{text}"
        );
        let document = serde_json::to_value(&report).expect("a document");
        assert_eq!(document["rows"][0]["figures"][US]["median"], 20.0);
        assert_eq!(document["samples"]["slow"]["fast"][2], 10.0);
    }
}

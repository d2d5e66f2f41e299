//! `cargo xtask figures`: what the README says in numbers, measured here and now.

mod blacklist;
pub mod callgrind;
mod facts;
mod instructions;
mod sizes;

/// A figure: its name and what measures it.
type Figure = (&'static str, fn() -> Result<(), String>);

const FIGURES: [Figure; 4] = [
    ("sizes", sizes::run),
    ("instructions", instructions::run),
    ("facts", facts::run),
    ("blacklist", blacklist::run),
];

/// The command: the figures named, or all. One that cannot be measured here says why, and the rest go on.
pub fn run(names: &[String]) -> Result<(), String> {
    for name in names {
        if !FIGURES.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = FIGURES.iter().map(|(name, _)| *name).collect();
            return Err(format!("no such figure: {name} (there are: {})", known.join(", ")));
        }
    }
    let mut missing = Vec::new();
    for (name, measure) in
        FIGURES.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name))
    {
        println!("== {name}");
        if let Err(reason) = measure() {
            println!("not measured: {reason}");
            missing.push(*name);
        }
        println!();
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("not measured: {}", missing.join(", "))) }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

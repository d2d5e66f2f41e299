//! `cargo run -p fixture_host --example synthetic -- DIR FUNCTIONS GROUPS`: makes a tree to measure
//! `iommu_facts` with.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u32> = args.iter().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    match (args.first(), numbers.as_slice()) {
        (Some(dir), [functions, groups]) => {
            fixture_host::synthetic(Path::new(dir), *functions, *groups);
            println!("{dir}: {functions} functions in {groups} groups");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: synthetic DIR FUNCTIONS GROUPS (DIR must not exist)");
            ExitCode::FAILURE
        }
    }
}

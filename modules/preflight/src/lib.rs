//! What was observed, judged: problems with stable codes, guards, the verdict. No I/O.

mod guards;
mod problem;
mod uses;
mod verdict;

pub use guards::guard_driver;
pub use problem::{Problem, Severity};
pub use uses::{Device, Use, UseKind};
pub use verdict::{Evidence, IommuDefault, Reason, State, Vendor, Verdict, verdict};

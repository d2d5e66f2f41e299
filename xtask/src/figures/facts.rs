//! The facts of large hosts against the usual shell loop over the group links.
/// Prints the table.
pub fn run() -> Result<(), String> {
    Err("the large sample hosts are not there yet".into())
}

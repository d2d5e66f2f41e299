//! In the making.
pub fn run(_: &[String]) -> Result<(), String> {
    Err("not there yet".into())
}

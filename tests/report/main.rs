//! The callback plugin `diff_report`: its parts, real runs of each ansible-core, and its page in a real browser.

mod browser;
mod cut;
mod ended;
mod fleet;
mod page;
mod run;
mod runs;
mod units;

use proofs::on_every_version;

on_every_version! {
    units::every_part_does_its_work,
    runs::every_module_s_diff_is_grouped,
    runs::plays_and_batches_make_one_report,
    runs::one_module_makes_a_report,
    runs::guards_verdicts_and_maps_are_there,
    ended::a_play_that_stops_leaves_hosts_unfinished,
    ended::trouble_is_not_mistaken,
    cut::ctrl_c_leaves_a_report_of_what_was_seen,
}

#[test]
fn a_killed_run_leaves_its_last_report() {
    cut::a_killed_run_leaves_its_last_report("2.19");
}

#[test]
fn a_run_of_ansible_runner_makes_a_report() {
    runs::a_run_of_ansible_runner_makes_a_report("2.19");
}

#[test]
fn the_documentation_is_rendered() {
    runs::the_documentation_is_rendered("newest");
}

#[test]
fn a_directory_that_cannot_be_written_stops_no_run() {
    runs::a_directory_that_cannot_be_written_stops_no_run("newest");
}

#[test]
fn the_page_shows_the_sample_hosts() {
    page::shows_the_sample_hosts();
}

#[test]
fn the_page_shows_many_changes_without_a_wait() {
    page::shows_many_changes_without_a_wait();
}

#[test]
fn the_page_shows_drift() {
    page::shows_drift();
}

#[test]
fn the_page_shows_hostile_words_as_text() {
    page::shows_hostile_words_as_text();
}

#[test]
fn a_thousand_hosts_cost_little() {
    fleet::a_thousand_hosts_cost_little();
}

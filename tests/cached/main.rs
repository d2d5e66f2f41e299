//! Modules run from the cache on a target: over real SSH with real accounts and sudo, against the ordinary way of
//! the same tasks, and against somebody else on the target who wants their own file to run.
//!
//! Each proof has the machine to itself: a mount namespace with its own /etc, /home, /var and /dev, an sshd on
//! loopback, and accounts that exist only there. It needs root.

mod accounts;
mod architecture;
mod attacks;
mod cache;
mod fallbacks;
mod same_results;
mod secrets;
mod world;

use proofs::on_every_version;

/// What the version of ansible-core has no part in: once, on the newest.
macro_rules! on_the_newest {
    ($($module:ident :: $proof:ident),* $(,)?) => { $(#[test] fn $proof() { $module::$proof("newest"); })* };
}

on_every_version! {
    same_results::of_every_playbook,
    same_results::of_every_keyword,
    same_results::of_ad_hoc_runs,
    same_results::of_values_that_only_old_versions_refuse,
    fallbacks::in_the_background,
    fallbacks::where_the_way_is_not_open,
    fallbacks::where_the_target_cannot_keep_or_run_the_copy,
}

on_the_newest! {
    architecture::another_one_gets_its_own_binary,
    architecture::another_one_the_ordinary_way_too,
    cache::one_command_a_task_on_a_warm_cache,
    cache::noise_of_the_login_shell_is_no_answer,
    cache::large_arguments_reach_a_cold_cache,
    cache::many_at_once_share_one_copy,
    cache::old_versions_go,
    cache::another_user_has_a_cache_of_their_own,
    cache::an_unknown_architecture_is_named,
    cache::the_descriptor_it_runs_through_is_closed,
    attacks::somebody_elses_file_is_not_run,
    attacks::somebody_elses_folder_is_not_used,
    attacks::a_race_is_not_won,
    attacks::what_was_verified_is_what_runs,
    attacks::a_home_that_sudo_kept_is_not_roots,
    secrets::arguments_are_in_no_process_list,
    secrets::arguments_are_in_no_log_but_the_modules_own_line,
}

//! The installed collection under real ansible-core, the oldest supported, the newest for Python 3.11 and the
//! newest: documentation, ad-hoc runs, playbooks, the role on the sample hosts.

mod documentation;
mod hosts;
mod playbooks;
mod role;

use proofs::on_every_version;

on_every_version! {
    documentation::every_module_is_listed_and_rendered,
    documentation::the_role_is_described,
    playbooks::ad_hoc_arguments_are_strings,
    playbooks::check_mode_tells_the_truth,
    playbooks::task_keywords_work,
    playbooks::refusals_read_like_those_of_any_module,
    playbooks::no_log_keeps_its_secret,
    role::prepares_a_host_once_and_takes_everything_back,
    role::foretells_in_check_mode_what_it_does,
    role::reports_only,
    role::runs_the_tasks_of_a_tag,
}

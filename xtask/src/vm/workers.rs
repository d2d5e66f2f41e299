//! Independent pieces of work, some at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

/// Does `work` for each of `0..count`, no more than `jobs` at a time; the results in order. A piece is done by one
/// thread from its beginning to its end: what ends with the thread that started it, as a guest does, may rely on it.
pub fn each<T: Send>(count: usize, jobs: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return done;
            }
            done.push((number, work(number)));
        }
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.min(count)).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(ScopedJoinHandle::join);
        joined.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn in_order_and_never_more_than_asked_for() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = each(7, 2, |number| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // The first is the slowest: the second worker goes on with the others meanwhile.
            std::thread::sleep(Duration::from_millis(if number == 0 { 200 } else { 20 }));
            running.fetch_sub(1, Ordering::SeqCst);
            number * 10
        });
        assert_eq!(results, [0, 10, 20, 30, 40, 50, 60]);
        assert_eq!(most.into_inner(), 2);
        assert_eq!(each(0, 2, |number| number), [0; 0]);
    }
}

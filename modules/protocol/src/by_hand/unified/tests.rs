//! Fixed cases, and the law that applying a diff to the text before gives the text after. The proof
//! `by_hand` holds the same against the real `patch`.

use proptest::prelude::*;

use super::*;
use crate::by_hand::screen::Screen;

fn shown(before: &[u8], after: &[u8]) -> String {
    let mut out = Text::default();
    diff(&mut out, "/etc/x", before, after);
    String::from_utf8(Screen::of(false).render(&out)).unwrap()
}

#[test]
fn headers_context_and_the_last_line() {
    let before = b"1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let after = b"1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
    let want = "--- before: /etc/x\n+++ after: /etc/x\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
    assert_eq!(shown(before, after), want);
    let head = "--- before: /etc/x\n+++ after: /etc/x\n";
    for (before, after, want) in [
        ("", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"),
        ("a\n", "", "@@ -1 +0,0 @@\n-a\n"),
        ("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"),
        ("a\nb", "b", "@@ -1,2 +1 @@\n-a\n b\n\\ No newline at end of file\n"),
    ] {
        assert_eq!(shown(before.as_bytes(), after.as_bytes()), format!("{head}{want}"));
    }
    assert_eq!(shown(b"same\n", b"same\n"), "");
}

#[test]
fn near_changes_share_a_hunk_and_far_ones_do_not() {
    let numbers = |changed: &[usize]| -> String {
        (0..30).map(|n| if changed.contains(&n) { format!("new {n}\n") } else { format!("{n}\n") }).collect()
    };
    let hunks = |changed: &[usize]| {
        shown(numbers(&[]).as_bytes(), numbers(changed).as_bytes()).matches("@@ -").count()
    };
    assert_eq!((hunks(&[10, 17]), hunks(&[10, 18]), hunks(&[0, 29])), (1, 2, 2));
}

#[test]
fn a_huge_part_is_replaced_whole() {
    let lines = |word: &str| (0..3000).map(|n| format!("{word} {n}\n")).collect::<String>();
    let text = shown(lines("old").as_bytes(), lines("new").as_bytes());
    assert!(text.contains("@@ -1,3000 +1,3000 @@\n-old 0\n") && text.ends_with("+new 2999\n"));
}

/// What `patch` does, as far as these diffs need it.
fn patched(before: &[u8], diff: &[u8]) -> Vec<u8> {
    let mut old = before.split_inclusive(|b| *b == b'\n');
    let mut taken = 0;
    let mut out: Vec<u8> = Vec::new();
    let mut came = false;
    for line in diff.split_inclusive(|b| *b == b'\n').skip(2) {
        let (sign, rest) = line.split_first().unwrap();
        match sign {
            b'@' => {
                let text = String::from_utf8_lossy(rest).into_owned();
                let numbers = text.split(['-', ' ']).nth(2).unwrap().to_string();
                let mut numbers = numbers.split(',').map(|n| n.parse::<usize>().unwrap());
                let (first, count) = (numbers.next().unwrap(), numbers.next().unwrap_or(1));
                while taken + 1 < first + usize::from(count == 0) {
                    out.extend_from_slice(old.next().unwrap());
                    taken += 1;
                }
            }
            b' ' | b'-' => {
                let there = old.next().unwrap();
                assert_eq!(there.strip_suffix(b"\n").unwrap_or(there), rest.strip_suffix(b"\n").unwrap());
                taken += 1;
                if *sign == b' ' {
                    out.extend_from_slice(there);
                }
            }
            b'+' => out.extend_from_slice(rest),
            // Of a line that goes or stays, the file's own end has told already.
            b'\\' if came => drop(out.pop()),
            b'\\' => {}
            other => panic!("{other}"),
        }
        came = *sign == b'+';
    }
    old.for_each(|line| out.extend_from_slice(line));
    out
}

proptest! {
    #[test]
    fn applied_to_the_text_before_it_gives_the_text_after(
        before in "([ab]{0,2}\n){0,12}[abc]?", after in "([ab]{0,2}\n){0,12}[abc]?",
    ) {
        let text = shown(before.as_bytes(), after.as_bytes());
        prop_assert_eq!(text.is_empty(), before == after);
        if !text.is_empty() {
            prop_assert_eq!(patched(before.as_bytes(), text.as_bytes()), after.as_bytes());
        }
    }
}

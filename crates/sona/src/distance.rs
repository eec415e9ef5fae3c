//! Edit distance with a bound.

/// Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right` (optimal string alignment);
/// none when there are more than `bound`.
pub(crate) fn within(left: &[char], right: &[char], bound: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > bound {
        return None;
    }
    let width = right.len() + 1;
    let far = bound + 1;
    // Row i holds the distances of the first i characters of `left` to all beginnings of `right`.
    let mut rows = [vec![far; width], (0..width).collect::<Vec<_>>(), vec![far; width]];
    for (i, here) in left.iter().enumerate() {
        let [before, above, row] = &mut rows;
        let from = (i + 1).saturating_sub(bound);
        let to = (i + 1 + bound).min(right.len());
        row.fill(far);
        if from == 0 {
            set(row, 0, i + 1);
        }
        let mut least = far;
        for j in from.max(1)..=to {
            let there = right.get(j - 1);
            let mut best = (at(above, j).min(at(row, j - 1)) + 1)
                .min(at(above, j - 1) + usize::from(there != Some(here)));
            let swapped = i > 0 && j > 1 && right.get(j - 2) == Some(here) && left.get(i - 1) == there;
            if swapped {
                best = best.min(at(before, j - 2) + 1);
            }
            set(row, j, best);
            least = least.min(best);
        }
        if least > bound && at(row, 0) > bound {
            return None;
        }
        rows.rotate_left(1);
    }
    let [_, last, _] = &rows;
    Some(at(last, right.len())).filter(|distance| *distance <= bound)
}

fn at(row: &[usize], index: usize) -> usize {
    row.get(index).copied().unwrap_or(usize::MAX / 2)
}

fn set(row: &mut [usize], index: usize, value: usize) {
    if let Some(place) = row.get_mut(index) {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    fn distance(left: &str, right: &str, bound: usize) -> Option<usize> {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let found = within(&chars(left), &chars(right), bound);
        assert_eq!(found, within(&chars(right), &chars(left), bound), "symmetric");
        found
    }

    #[test]
    fn counts_edits() {
        for (left, right, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "acb", 1),
            ("abcd", "badc", 2),
            ("kitten", "sitting", 3),
            ("größe", "grosse", 3),
        ] {
            assert_eq!(distance(left, right, 3), Some(expected), "{left} {right}");
            if expected > 0 {
                assert_eq!(distance(left, right, expected - 1), None, "{left} {right}");
            }
        }
        assert_eq!(distance("abc", "xyzw", 3), None);
        assert_eq!(distance("a", "abcde", 3), None);
    }
}

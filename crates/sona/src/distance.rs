//! Edit distance with a bound.

/// Memory of the calculation, to be used again.
pub(crate) type Rows = [Vec<usize>; 3];

/// Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right` (optimal string alignment);
/// none when there are more than `bound`.
pub(crate) fn within(left: &[char], right: &[char], bound: usize, rows: &mut Rows) -> Option<usize> {
    if left.len().abs_diff(right.len()) > bound {
        return None;
    }
    // What is equal at both ends costs nothing.
    let same = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (left, right) = (left.get(same..)?, right.get(same..)?);
    let same = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (left, right) = (left.get(..left.len() - same)?, right.get(..right.len() - same)?);
    if left.is_empty() || right.is_empty() {
        return Some(left.len().max(right.len()));
    }
    let width = right.len() + 1;
    let far = bound + 1;
    // Row i holds the distances of the first i characters of `left` to all beginnings of `right`.
    for row in rows.iter_mut() {
        row.clear();
        row.resize(width, far);
    }
    let [_, first, _] = rows;
    first
        .iter_mut()
        .zip(0..)
        .for_each(|(place, index)| *place = index);
    for (i, here) in left.iter().enumerate() {
        let [before, above, row] = rows;
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
    let [_, last, _] = rows;
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
    use super::{Rows, within};

    fn distance(left: &str, right: &str, bound: usize) -> Option<usize> {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let found = within(&chars(left), &chars(right), bound, &mut Rows::default());
        let turned = within(&chars(right), &chars(left), bound, &mut Rows::default());
        assert_eq!(found, turned, "symmetric");
        found
    }

    /// The same by definition, without a bound.
    fn plain(left: &[u8], right: &[u8]) -> usize {
        let mut table = vec![vec![0; right.len() + 1]; left.len() + 1];
        for i in 0..=left.len() {
            for j in 0..=right.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let changed = table[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
                    let mut best = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                        best = best.min(table[i - 2][j - 2] + 1);
                    }
                    best
                };
            }
        }
        table[left.len()][right.len()]
    }

    #[test]
    fn is_the_plain_distance_of_all_short_texts() {
        let mut texts = vec![String::new()];
        for length in 1..=5 {
            let longer: Vec<_> = texts
                .iter()
                .filter(|text| text.len() == length - 1)
                .flat_map(|text| ["a", "b", "c"].map(|end| format!("{text}{end}")))
                .collect();
            texts.extend(longer);
        }
        let mut rows = Rows::default();
        for left in &texts {
            for right in &texts {
                let expected = plain(left.as_bytes(), right.as_bytes());
                let (one, other): (Vec<_>, Vec<_>) = (left.chars().collect(), right.chars().collect());
                for bound in 0..=3 {
                    let found = within(&one, &other, bound, &mut rows);
                    assert_eq!(
                        found,
                        Some(expected).filter(|_| expected <= bound),
                        "{left} {right} {bound}"
                    );
                }
            }
        }
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

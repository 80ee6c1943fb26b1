//! In which order pixels are taken away.

/// Pixels from the highest value to the lowest; of equal values the highest index comes first, as with NumPy's stable
/// `argsort` read backwards. `values` are finite.
pub fn descending(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // The two zeros are one value.
    order.sort_unstable_by(|&a, &b| (values[b] + 0.0).total_cmp(&(values[a] + 0.0)).then(b.cmp(&a)));
    order
}

/// Place of every pixel in [`descending`], counted from 0.
pub(super) fn places(values: &[f32]) -> Vec<usize> {
    let mut places = vec![0; values.len()];
    for (place, pixel) in descending(values).into_iter().enumerate() {
        places[pixel] = place;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_highest_index() {
        assert_eq!(descending(&[1.0, 3.0, 1.0, -0.0, 0.0, 3.0, -2.0]), [5, 1, 2, 0, 4, 3, 6]);
        assert_eq!(descending(&[0.5; 4]), [3, 2, 1, 0]);
        assert_eq!(places(&[1.0, 3.0, 1.0]), [2, 0, 1]);
        assert!(descending(&[]).is_empty());
    }
}

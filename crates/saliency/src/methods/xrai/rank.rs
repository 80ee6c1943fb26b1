//! Ranking: the segment first whose new pixels have the highest mean attribution.

use backlit_net::named;

/// How segments are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ranking {
    /// Greedily, by the mean attribution of the pixels that a segment would add to those taken already.
    #[default]
    Full,
    /// Once, by the mean attribution of the whole segment: PAIR's `fast`.
    Fast,
}

named!(Ranking, "ranking", { Full = "full", Fast = "fast" });

/// What ranking found.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// For every pixel, the mean attribution of the pixels that were taken together with it.
    pub values: Vec<f64>,
    /// For every pixel, the place of those pixels by that mean: 1 is the best. The last place is that of pixels in no
    /// segment taken, if there are any.
    pub ranks: Vec<u32>,
}

/// Ranks segments, each a rising list of pixels, by the attribution of pixels.
///
/// Segments that would add fewer than `min_added` pixels are passed over, for good. The sums that decide are kept in
/// whole numbers, 2^44 to the largest attribution, so that segments with the same pixels left are exactly equal
/// whatever was taken before; the first of equals is taken.
pub(super) fn rank(attribution: &[f64], segments: &[Vec<u32>], min_added: usize, ranking: Ranking) -> Ranked {
    let mut state = State::new(attribution, segments);
    let min_added = min_added.max(1) as i64;
    match ranking {
        Ranking::Full => {
            while let Some(best) = state.best(min_added) {
                state.take(best);
            }
        }
        Ranking::Fast => {
            let mut order: Vec<usize> = (0..segments.len()).filter(|&s| state.count[s] > 0).collect();
            let gain: Vec<f64> = (0..segments.len()).map(|s| state.gain(s)).collect();
            order.sort_by(|&a, &b| gain[b].total_cmp(&gain[a]));
            for segment in order {
                if state.count[segment] >= min_added {
                    state.take(segment);
                }
            }
        }
    }
    state.finish()
}

struct State<'a> {
    attribution: &'a [f64],
    segments: &'a [Vec<u32>],
    /// Attribution in whole numbers.
    whole: Vec<i64>,
    /// For every pixel, where its segments begin in `owners`.
    first: Vec<usize>,
    owners: Vec<u32>,
    /// Pixels of each segment that are not taken yet, and the sum of their attributions.
    count: Vec<i64>,
    sum: Vec<i64>,
    /// For every pixel, in which step it was taken.
    step: Vec<Option<usize>>,
    /// For every step, the mean attribution of what it took.
    means: Vec<f64>,
}

impl<'a> State<'a> {
    fn new(attribution: &'a [f64], segments: &'a [Vec<u32>]) -> State<'a> {
        let largest = attribution.iter().fold(0f64, |m, v| m.max(v.abs()));
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let whole: Vec<i64> = attribution.iter().map(|v| (v / unit * (1u64 << 44) as f64).round() as i64).collect();
        let mut first = vec![0; attribution.len() + 1];
        segments.iter().flatten().for_each(|&pixel| first[pixel as usize + 1] += 1);
        (0..attribution.len()).for_each(|pixel| first[pixel + 1] += first[pixel]);
        let (mut next, mut owners) = (first.clone(), vec![0; first[attribution.len()]]);
        for (segment, pixels) in segments.iter().enumerate() {
            for &pixel in pixels {
                owners[next[pixel as usize]] = segment as u32;
                next[pixel as usize] += 1;
            }
        }
        let count = segments.iter().map(|pixels| pixels.len() as i64).collect();
        let sum = segments.iter().map(|pixels| pixels.iter().map(|&p| whole[p as usize]).sum()).collect();
        let step = vec![None; attribution.len()];
        State { attribution, segments, whole, first, owners, count, sum, step, means: Vec::new() }
    }

    fn gain(&self, segment: usize) -> f64 {
        self.sum[segment] as f64 / self.count[segment] as f64
    }

    fn best(&self, min_added: i64) -> Option<usize> {
        let mut best = None;
        for segment in (0..self.segments.len()).filter(|&s| self.count[s] >= min_added) {
            let gain = self.gain(segment);
            if best.is_none_or(|(_, most)| gain > most) {
                best = Some((segment, gain));
            }
        }
        best.map(|(segment, _)| segment)
    }

    /// Takes what is left of a segment, from all segments.
    fn take(&mut self, segment: usize) {
        let (mut sum, mut count) = (0.0, 0usize);
        for &pixel in &self.segments[segment] {
            let pixel = pixel as usize;
            if self.step[pixel].is_some() {
                continue;
            }
            self.step[pixel] = Some(self.means.len());
            sum += self.attribution[pixel];
            count += 1;
            for &owner in &self.owners[self.first[pixel]..self.first[pixel + 1]] {
                self.count[owner as usize] -= 1;
                self.sum[owner as usize] -= self.whole[pixel];
            }
        }
        self.means.push(sum / count as f64);
    }

    fn finish(self) -> Ranked {
        // What nothing took shares its own mean, so that the map adds up to the attribution, and comes last.
        let left = || self.step.iter().zip(self.attribution).filter(|(step, _)| step.is_none()).map(|(_, v)| v);
        let rest = left().sum::<f64>() / left().count().max(1) as f64;
        let mut order: Vec<usize> = (0..self.means.len()).collect();
        order.sort_by(|&a, &b| self.means[b].total_cmp(&self.means[a]));
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &step)| place[step] = at as u32 + 1);
        let last = order.len() as u32 + 1;
        Ranked {
            values: self.step.iter().map(|step| step.map_or(rest, |s| self.means[s])).collect(),
            ranks: self.step.iter().map(|step| step.map_or(last, |s| place[s])).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_by_what_is_added() {
        // Pixel 0 is bright; the second segment looks good only as long as pixel 0 is not taken.
        let attribution = [9.0, 1.0, 1.0, 4.0, 0.0, -2.0];
        let segments = vec![vec![0], vec![0, 1, 2], vec![3, 4], vec![3, 4, 5]];
        let full = rank(&attribution, &segments, 1, Ranking::Full);
        assert_eq!(full.values, [9.0, 1.0, 1.0, 2.0, 2.0, -2.0]);
        assert_eq!(full.ranks, [1, 3, 3, 2, 2, 4]);
        let fast = rank(&attribution, &segments, 1, Ranking::Fast);
        assert_eq!((fast.values, fast.ranks), (full.values, full.ranks));
    }

    #[test]
    fn fast_ignores_overlap_when_it_sorts() {
        let attribution = [9.0, 0.0, 1.0, 1.0];
        // Whole, the second has mean 4.5; what it adds to the first is worth 0, less than the third.
        let segments = vec![vec![0], vec![0, 1], vec![1, 2, 3]];
        assert_eq!(rank(&attribution, &segments, 1, Ranking::Full).values, [9.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]);
        let fast = rank(&attribution, &segments, 1, Ranking::Fast);
        assert_eq!(fast.values, [9.0, 0.0, 1.0, 1.0]);
        assert_eq!(fast.ranks, [1, 3, 2, 2], "places go by the mean that was found in the end");
    }

    #[test]
    fn small_additions_are_passed_over_and_what_is_left_keeps_the_sum() {
        let attribution = [1.0, 2.0, 3.0, 4.0, 10.0];
        let found = rank(&attribution, &[vec![0, 1, 2], vec![2, 3]], 2, Ranking::Full);
        assert_eq!(found.values, [1.5, 1.5, 3.5, 3.5, 10.0]);
        let found = rank(&attribution, &[vec![0, 1, 2], vec![2, 3]], 3, Ranking::Full);
        assert_eq!(found.values, [2.0, 2.0, 2.0, 7.0, 7.0]);
        assert_eq!(found.ranks, [1, 1, 1, 2, 2]);
        assert_eq!(found.values.iter().sum::<f64>(), attribution.iter().sum::<f64>());
    }

    #[test]
    fn nothing_to_rank() {
        let zeros = rank(&[0.0; 4], &[vec![0, 1], vec![2]], 1, Ranking::Full);
        assert_eq!((zeros.values, zeros.ranks), (vec![0.0; 4], vec![1, 1, 2, 3]));
        let none = rank(&[1.0, 3.0], &[], 1, Ranking::Full);
        assert_eq!((none.values, none.ranks), (vec![2.0, 2.0], vec![1, 1]));
        let empty = rank(&[1.0, 3.0], &[vec![]], 0, Ranking::Fast);
        assert_eq!(empty.values, [2.0, 2.0]);
    }
}

//! Dilation: each segment grows by a disk, so that it includes the edges around it.

/// For every segment, in the order of their numbers, its pixels after dilation by a disk, in rising order.
///
/// A pixel belongs if one of the segment lies at `dx^2 + dy^2 <= radius^2` or nearer. `labels` is `[height, width]`.
pub(super) fn dilated(labels: &[u32], width: usize, radius: usize) -> Vec<Vec<u32>> {
    let height = labels.len() / width;
    // Half the width of the disk at each distance from its middle row.
    let reach: Vec<usize> = (0..=radius).map(|dy| (radius * radius - dy * dy).isqrt()).collect();
    let mut found = vec![false; labels.len()];
    let collect = |runs: &Vec<Run>| {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Vec::new() };
        let rows = first.row.saturating_sub(radius)..height.min(last.row + radius + 1);
        let area = rows.start * width..rows.end * width;
        found[area.clone()].fill(false);
        for run in runs {
            for row in run.row.saturating_sub(radius)..height.min(run.row + radius + 1) {
                let reach = reach[row.abs_diff(run.row)];
                let (start, end) = (run.start.saturating_sub(reach), width.min(run.end + reach));
                found[row * width + start..row * width + end].fill(true);
            }
        }
        area.filter(|&pixel| found[pixel]).map(|pixel| pixel as u32).collect()
    };
    runs(labels, width).iter().map(collect).collect()
}

/// Neighbouring pixels of one row.
struct Run {
    row: usize,
    start: usize,
    end: usize,
}

/// The runs of every segment, from above.
fn runs(labels: &[u32], width: usize) -> Vec<Vec<Run>> {
    let mut all: Vec<Vec<Run>> = Vec::new();
    for (row, line) in labels.chunks_exact(width).enumerate() {
        let mut start = 0;
        for same in line.chunk_by(|a, b| a == b) {
            let label = same[0] as usize;
            if all.len() <= label {
                all.resize_with(label + 1, Vec::new);
            }
            all[label].push(Run { row, start, end: start + same.len() });
            start += same.len();
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_from_a_pixel() {
        let mut labels = vec![0; 15 * 17];
        labels[7 * 17 + 8] = 1;
        for (radius, area) in [(0, 1), (1, 5), (2, 13), (3, 29), (5, 81)] {
            let masks = dilated(&labels, 17, radius);
            assert_eq!(masks[1].len(), area, "radius {radius}");
            let near = |&p: &u32| (p / 17).abs_diff(7).pow(2) + (p % 17).abs_diff(8).pow(2) <= (radius * radius) as u32;
            assert!(masks[1].iter().all(near) && masks[1].is_sorted());
        }
    }

    #[test]
    fn from_the_definition_and_cut_off_at_the_edges() {
        let (height, width, radius) = (13usize, 9usize, 3usize);
        let labels: Vec<u32> = (0..height * width).map(|p| (p * 31 % 17 / 3 % 4) as u32).collect();
        for (label, mask) in dilated(&labels, width, radius).iter().enumerate() {
            let near = |p: usize, q: usize| {
                (p / width).abs_diff(q / width).pow(2) + (p % width).abs_diff(q % width).pow(2) <= radius * radius
            };
            let belongs = |&p: &usize| (0..labels.len()).any(|q| labels[q] as usize == label && near(p, q));
            let expected: Vec<u32> = (0..labels.len()).filter(belongs).map(|p| p as u32).collect();
            assert_eq!(*mask, expected);
        }
    }
}

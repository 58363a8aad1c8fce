//! The order that Go's `sort.Sort` leaves behind. What is equal does not keep its place there, and everybody who sorts
//! more than a dozen Pods by their phase sees it. Knows nothing of what it sorts.
//!
//! Models Go sort (pattern-defeating quicksort).

/// Up to this many are sorted by insertion.
const FEW: usize = 12;
/// From this many on, a pivot is chosen among nine.
const MANY: usize = 50;
/// How many pairs may be out of order for a range to be taken for nearly sorted.
const NEARLY: usize = 5;

/// The order of `length` things, by their first places.
pub fn order(length: usize, less: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut sorter = Sorter { order: (0..length).collect(), less };
    sorter.sort(0, length, bits(length));
    sorter.order
}

fn bits(length: usize) -> u32 {
    usize::BITS - length.leading_zeros()
}

struct Sorter<'a> {
    order: Vec<usize>,
    less: &'a dyn Fn(usize, usize) -> bool,
}

impl Sorter<'_> {
    fn less(&self, a: usize, b: usize) -> bool {
        match (self.order.get(a), self.order.get(b)) {
            (Some(a), Some(b)) => (self.less)(*a, *b),
            _ => false,
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        if a.max(b) < self.order.len() {
            self.order.swap(a, b);
        }
    }

    fn sort(&mut self, mut from: usize, mut to: usize, mut patience: u32) {
        let (mut balanced, mut in_order) = (true, true);
        while to - from > FEW {
            let length = to - from;
            if patience == 0 {
                return self.heap(from, to);
            }
            if !balanced {
                self.scatter(from, to);
                patience -= 1;
            }
            let (mut pivot, swaps) = self.pivot(from, to);
            let turned = swaps == 12;
            if turned {
                if let Some(range) = self.order.get_mut(from..to) {
                    range.reverse();
                }
                pivot = (to - 1) - (pivot - from);
            }
            if balanced && in_order && (swaps == 0 || turned) && self.nearly_sorted(from, to) {
                return;
            }
            // Many are equal to the one before the range: they are put aside together.
            if from > 0 && !self.less(from - 1, pivot) {
                from = self.part_equal(from, to, pivot);
                continue;
            }
            let (middle, untouched) = self.part(from, to, pivot);
            in_order = untouched;
            let (left, right) = (middle - from, to - middle);
            if left < right {
                balanced = left >= length / 8;
                self.sort(from, middle, patience);
                from = middle + 1;
            } else {
                balanced = right >= length / 8;
                self.sort(middle + 1, to, patience);
                to = middle;
            }
        }
        for start in from + 1..to {
            self.sink(start, from);
        }
    }

    /// Moves one left, past what it is less than, down to a place.
    fn sink(&mut self, start: usize, lowest: usize) {
        let mut at = start;
        while at > lowest && self.less(at, at - 1) {
            self.swap(at, at - 1);
            at -= 1;
        }
    }

    fn heap(&mut self, from: usize, to: usize) {
        let length = to - from;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift(root, length, from);
        }
        for last in (0..length).rev() {
            self.swap(from, from + last);
            self.sift(0, last, from);
        }
    }

    fn sift(&mut self, mut root: usize, end: usize, first: usize) {
        while 2 * root + 1 < end {
            let mut child = 2 * root + 1;
            if child + 1 < end && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.swap(first + root, first + child);
            root = child;
        }
    }

    /// Smaller ones before the pivot, the others behind it: where it comes to stand, and whether that was so already.
    fn part(&mut self, from: usize, to: usize, pivot: usize) -> (usize, bool) {
        self.swap(from, pivot);
        let (mut i, mut j, mut untouched) = (from + 1, to - 1, true);
        loop {
            while i <= j && self.less(i, from) {
                i += 1;
            }
            while i <= j && !self.less(j, from) {
                j -= 1;
            }
            if i > j {
                self.swap(j, from);
                return (j, untouched);
            }
            untouched = false;
            self.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    /// Those equal to the pivot first: where the greater ones begin.
    fn part_equal(&mut self, from: usize, to: usize, pivot: usize) -> usize {
        self.swap(from, pivot);
        let (mut i, mut j) = (from + 1, to - 1);
        loop {
            while i <= j && !self.less(from, i) {
                i += 1;
            }
            while i <= j && self.less(from, j) {
                j -= 1;
            }
            if i > j {
                return i;
            }
            self.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    fn nearly_sorted(&mut self, from: usize, to: usize) -> bool {
        let mut i = from + 1;
        for _ in 0..NEARLY {
            while i < to && !self.less(i, i - 1) {
                i += 1;
            }
            if i == to {
                return true;
            }
            if to - from < MANY {
                return false;
            }
            self.swap(i, i - 1);
            if i - from >= 2 {
                self.sink(i - 1, 0);
            }
            let mut at = i + 1;
            while to - i >= 2 && at < to && self.less(at, at - 1) {
                self.swap(at, at - 1);
                at += 1;
            }
        }
        false
    }

    /// Throws some in the middle elsewhere, by a chance that is the same for every range of this length.
    fn scatter(&mut self, from: usize, to: usize) {
        let length = to - from;
        let mut chance = length as u64;
        let middle = from + length / 4 * 2;
        for at in middle - 1..=middle + 1 {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            let other = usize::try_from(chance & ((1u64 << bits(length)) - 1)).unwrap_or(0);
            self.swap(at, from + if other >= length { other - length } else { other });
        }
    }

    /// A place in the middle of the order, and how many pairs were found the wrong way round.
    fn pivot(&self, from: usize, to: usize) -> (usize, usize) {
        let (quarter, mut swaps) = ((to - from) / 4, 0);
        let mut three = [from + quarter, from + quarter * 2, from + quarter * 3];
        if to - from >= MANY {
            three = three.map(|at| self.median([at - 1, at, at + 1], &mut swaps));
        }
        (self.median(three, &mut swaps), swaps)
    }

    fn median(&self, [mut a, mut b, mut c]: [usize; 3], swaps: &mut usize) -> usize {
        let mut ordered = |a: &mut usize, b: &mut usize| {
            if self.less(*b, *a) {
                *swaps += 1;
                std::mem::swap(a, b);
            }
        };
        ordered(&mut a, &mut b);
        ordered(&mut b, &mut c);
        ordered(&mut a, &mut b);
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_is_thrown_about_as_go_does_it() {
        // Recorded with Go 1.26: `sort.Sort` by `i * 7919 % modulus`, and the places mixed into one number.
        let places = |length: usize, modulus: usize| {
            let key = |at: usize| at * 7919 % modulus;
            order(length, &|a, b| key(a) < key(b))
        };
        assert_eq!(places(20, 3), [9, 18, 15, 3, 12, 0, 6, 5, 8, 11, 14, 2, 17, 7, 10, 4, 13, 16, 1, 19]);
        for (length, modulus, mixed) in [
            (13, 1, 27_130_606_997_161_158),
            (60, 4, 13_244_204_362_862_661_450),
            (300, 2, 12_882_447_200_242_542_944),
            (1000, 17, 3_819_899_137_654_749_328),
        ] {
            let mix = |sum: u64, at: usize| sum.wrapping_mul(31).wrapping_add(at as u64);
            assert_eq!(places(length, modulus).into_iter().fold(0, mix), mixed, "{length} by {modulus}");
        }
    }

    #[test]
    fn thousands_come_out_sorted() {
        for modulus in [2usize, 7, 100, 5000] {
            let key = |at: usize| at.wrapping_mul(2_654_435_761) % modulus;
            let sorted = order(3000, &|a, b| key(a) < key(b));
            assert!(sorted.windows(2).all(|pair| key(pair[0]) <= key(pair[1])));
            let mut places = sorted;
            places.sort_unstable();
            assert!(places.into_iter().eq(0..3000));
        }
    }
}

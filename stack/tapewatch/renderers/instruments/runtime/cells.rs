mod cells {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// Above this an amount is added as a float, so that no sum of whole numbers ever wraps around.
    const LARGEST_WHOLE: f64 = 4_294_967_296.0;

    /// A float that threads change without a lock; no change is lost.
    #[derive(Default)]
    pub struct Float {
        bits: AtomicU64,
    }

    impl Float {
        pub fn get(&self) -> f64 {
            f64::from_bits(self.bits.load(Relaxed))
        }

        pub fn set(&self, value: f64) {
            self.bits.store(value.to_bits(), Relaxed);
        }

        pub fn add(&self, amount: f64) {
            let mut old = self.bits.load(Relaxed);
            loop {
                let new = (f64::from_bits(old) + amount).to_bits();
                match self.bits.compare_exchange_weak(old, new, Relaxed, Relaxed) {
                    Ok(_) => return,
                    Err(now) => old = now,
                }
            }
        }
    }

    /// A sum of amounts that are not negative. Whole ones, which are the rule, take one instruction.
    #[derive(Default)]
    pub struct Total {
        whole: AtomicU64,
        rest: Float,
    }

    impl Total {
        pub fn add_whole(&self, amount: u64) {
            self.whole.fetch_add(amount, Relaxed);
        }

        pub fn add(&self, amount: f64) {
            if amount <= LARGEST_WHOLE && amount.fract() == 0.0 {
                self.add_whole(amount as u64);
            } else {
                self.rest.add(amount);
            }
        }

        pub fn get(&self) -> f64 {
            self.whole.load(Relaxed) as f64 + self.rest.get()
        }
    }

    /// The observations of a histogram: how many fell into each bucket alone, and their sum.
    pub struct HistogramCell {
        /// Upper bounds, the last one infinite.
        pub bounds: Vec<f64>,
        pub sum: Float,
        buckets: Vec<AtomicU64>,
    }

    impl HistogramCell {
        pub fn new(bounds: &[f64]) -> Self {
            let bounds: Vec<f64> = bounds.iter().copied().chain([f64::INFINITY]).collect();
            Self {
                buckets: bounds.iter().map(|_| AtomicU64::new(0)).collect(),
                sum: Float::default(),
                bounds,
            }
        }

        pub fn observe(&self, value: f64) {
            self.sum.add(value);
            if !value.is_nan() {
                let place = self.bounds.partition_point(|bound| *bound < value);
                if let Some(bucket) = self.buckets.get(place) {
                    bucket.fetch_add(1, Relaxed);
                }
            }
        }

        pub fn counts(&self) -> Vec<u64> {
            self.buckets
                .iter()
                .map(|bucket| bucket.load(Relaxed))
                .collect()
        }
    }

    /// The observations of a summary.
    #[derive(Default)]
    pub struct SummaryCell {
        pub count: Total,
        pub sum: Float,
    }

    impl SummaryCell {
        pub fn observe(&self, value: f64) {
            self.count.add_whole(1);
            self.sum.add(value);
        }
    }
}

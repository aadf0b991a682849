mod instruments {
    use super::cells::{Float, HistogramCell, SummaryCell, Total};
    use super::families::{Declaration, Declared, Metric, Series};
    use super::registry::Registry;
    use super::text::Lines;
    use std::sync::Arc;

    /// One series of a counter. A clone is the same series.
    #[derive(Clone)]
    pub struct Counter {
        series: Arc<Series<Total>>,
    }

    impl Counter {
        /// Counts one.
        pub fn inc(&self) {
            if self.series.is_kept() {
                self.series.cell.add_whole(1);
            }
        }

        /// Counts an amount; what is negative or NaN is dropped and counted.
        pub fn inc_by(&self, amount: f64) {
            if !self.series.is_kept() {
                return;
            }
            if amount >= 0.0 {
                self.series.cell.add(amount);
            } else {
                self.series.refuse();
            }
        }

        /// The count.
        pub fn get(&self) -> f64 {
            self.series.cell.get()
        }
    }

    impl Metric for Counter {
        type Cell = Total;
        const KIND: &'static str = "counter";

        fn of(series: Arc<Series<Total>>) -> Self {
            Self { series }
        }

        fn cell(_: &[f64]) -> Total {
            Total::default()
        }

        fn write(cell: &Total, lines: &mut Lines) {
            lines.value("", cell.get());
        }
    }

    /// One series of a gauge. A clone is the same series.
    #[derive(Clone)]
    pub struct Gauge {
        series: Arc<Series<Float>>,
    }

    impl Gauge {
        /// Says what the value is; NaN and infinities are values too.
        pub fn set(&self, value: f64) {
            if self.series.is_kept() {
                self.series.cell.set(value);
            }
        }

        /// Goes up by one.
        pub fn inc(&self) {
            self.add(1.0);
        }

        /// Goes down by one.
        pub fn dec(&self) {
            self.add(-1.0);
        }

        /// Goes up by an amount, which may be negative.
        pub fn add(&self, amount: f64) {
            if self.series.is_kept() {
                self.series.cell.add(amount);
            }
        }

        /// Goes down by an amount.
        pub fn sub(&self, amount: f64) {
            self.add(-amount);
        }

        /// The value.
        pub fn get(&self) -> f64 {
            self.series.cell.get()
        }
    }

    impl Metric for Gauge {
        type Cell = Float;
        const KIND: &'static str = "gauge";

        fn of(series: Arc<Series<Float>>) -> Self {
            Self { series }
        }

        fn cell(_: &[f64]) -> Float {
            Float::default()
        }

        fn write(cell: &Float, lines: &mut Lines) {
            lines.value("", cell.get());
        }
    }

    /// One series of a histogram. A clone is the same series.
    #[derive(Clone)]
    pub struct Histogram {
        series: Arc<Series<HistogramCell>>,
    }

    impl Histogram {
        /// Counts one observation, in the unit of the family. NaN makes the sum NaN and falls into no bucket.
        pub fn observe(&self, value: f64) {
            if self.series.is_kept() {
                self.series.cell.observe(value);
            }
        }

        /// How many observations fell into a bucket (all but NaN).
        pub fn count(&self) -> u64 {
            self.series.cell.counts().iter().sum()
        }

        /// What all observations add up to.
        pub fn sum(&self) -> f64 {
            self.series.cell.sum.get()
        }
    }

    impl Metric for Histogram {
        type Cell = HistogramCell;
        const KIND: &'static str = "histogram";

        fn of(series: Arc<Series<HistogramCell>>) -> Self {
            Self { series }
        }

        fn cell(bounds: &[f64]) -> HistogramCell {
            HistogramCell::new(bounds)
        }

        fn write(cell: &HistogramCell, lines: &mut Lines) {
            let mut count = 0;
            for (bound, more) in cell.bounds.iter().zip(cell.counts()) {
                count += more;
                lines.bucket(*bound, count);
            }
            lines.value("_count", count as f64);
            // With negative observations the sum would be no counter.
            if cell.bounds.first().map_or(true, |bound| *bound >= 0.0) {
                lines.value("_sum", cell.sum.get());
            }
        }
    }

    /// One series of a summary. A clone is the same series.
    #[derive(Clone)]
    pub struct Summary {
        series: Arc<Series<SummaryCell>>,
    }

    impl Summary {
        /// Counts one observation, in the unit of the family.
        pub fn observe(&self, value: f64) {
            if self.series.is_kept() {
                self.series.cell.observe(value);
            }
        }

        /// How many observations there were.
        pub fn count(&self) -> u64 {
            self.series.cell.count.get() as u64
        }

        /// What all observations add up to.
        pub fn sum(&self) -> f64 {
            self.series.cell.sum.get()
        }
    }

    impl Metric for Summary {
        type Cell = SummaryCell;
        const KIND: &'static str = "summary";

        fn of(series: Arc<Series<SummaryCell>>) -> Self {
            Self { series }
        }

        fn cell(_: &[f64]) -> SummaryCell {
            SummaryCell::default()
        }

        fn write(cell: &SummaryCell, lines: &mut Lines) {
            lines.value("_count", cell.count.get());
            lines.value("_sum", cell.sum.get());
        }
    }

    /// A family without labels is its only series.
    impl<M: Metric> Declared for M {
        fn declared(registry: &Registry, declaration: Declaration) -> Self {
            registry.family::<M>(declaration, &[]).series(&[])
        }
    }
}

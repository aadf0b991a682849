mod families {
    use super::registry::Registry;
    use super::text::{self, Lines};
    use std::collections::hash_map::RandomState;
    use std::collections::HashMap;
    use std::hash::{BuildHasher, Hash, Hasher};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::{Arc, PoisonError, RwLock};

    /// What a series is used by: `Counter`, `Gauge`, `Histogram` or `Summary`.
    pub trait Metric: Clone + Send + Sync + Sized + 'static {
        /// Where the values are kept.
        type Cell: Send + Sync + 'static;
        /// The type in the exposition.
        const KIND: &'static str;

        #[doc(hidden)]
        fn of(series: Arc<Series<Self::Cell>>) -> Self;
        #[doc(hidden)]
        fn cell(bounds: &[f64]) -> Self::Cell;
        #[doc(hidden)]
        fn write(cell: &Self::Cell, lines: &mut Lines);
    }

    /// A family as the catalogue declares it.
    #[derive(Clone, Copy)]
    pub struct Declaration {
        pub name: &'static str,
        pub help: &'static str,
        pub bounds: &'static [f64],
        pub series_budget: usize,
    }

    /// What stands in a field of a domain.
    pub trait Declared {
        fn declared(registry: &Registry, declaration: Declaration) -> Self;
    }

    /// What a registry asks a family for.
    pub trait Collect: Send + Sync {
        fn write(&self, out: &mut String);
        /// Family, reason and number of the updates that were dropped.
        fn dropped(&self) -> Vec<(&'static str, &'static str, u64)>;
    }

    /// The values for one set of label values.
    pub struct Series<C> {
        pub cell: C,
        values: Vec<String>,
        kept: bool,
        drops: Arc<Drops>,
    }

    #[derive(Default)]
    struct Drops {
        value: AtomicU64,
        series_budget: AtomicU64,
    }

    impl<C> Series<C> {
        /// Whether an update is kept; one that is not is counted.
        pub fn is_kept(&self) -> bool {
            if !self.kept {
                self.drops.series_budget.fetch_add(1, Relaxed);
            }
            self.kept
        }

        /// Counts an update whose value cannot be kept.
        pub fn refuse(&self) {
            self.drops.value.fetch_add(1, Relaxed);
        }

        fn has(&self, values: &[&str]) -> bool {
            self.values.iter().eq(values)
        }
    }

    /// A metric family with its series.
    pub struct Family<M: Metric> {
        declaration: Declaration,
        labels: &'static [&'static str],
        hasher: RandomState,
        kept: RwLock<Kept<M::Cell>>,
        lost: Arc<Series<M::Cell>>,
        drops: Arc<Drops>,
    }

    struct Kept<C> {
        by_hash: HashMap<u64, Vec<Arc<Series<C>>>>,
        /// In the order in which they were first used, as they are written.
        in_order: Vec<Arc<Series<C>>>,
    }

    impl<M: Metric> Family<M> {
        pub fn new(declaration: Declaration, labels: &'static [&'static str]) -> Self {
            let drops = Arc::new(Drops::default());
            Self {
                declaration,
                labels,
                hasher: RandomState::new(),
                kept: RwLock::new(Kept {
                    by_hash: HashMap::new(),
                    in_order: Vec::new(),
                }),
                lost: Arc::new(Series {
                    cell: M::cell(declaration.bounds),
                    values: Vec::new(),
                    kept: false,
                    drops: drops.clone(),
                }),
                drops,
            }
        }

        /// The series with these values, made if there is none; `values` are in the order of `labels`.
        pub fn series(&self, values: &[&str]) -> M {
            let hash = self.hash(values);
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            let found = kept.find(hash, values);
            drop(kept);
            M::of(found.unwrap_or_else(|| self.add(hash, values)))
        }

        /// Forgets a series; what still holds it goes on updating it, unseen.
        pub fn remove(&self, values: &[&str]) {
            let hash = self.hash(values);
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(same) = kept.by_hash.get_mut(&hash) {
                same.retain(|series| !series.has(values));
                if same.is_empty() {
                    kept.by_hash.remove(&hash);
                }
                kept.in_order.retain(|series| !series.has(values));
            }
        }

        fn add(&self, hash: u64, values: &[&str]) -> Arc<Series<M::Cell>> {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = kept.find(hash, values) {
                return found;
            }
            // The one series of a family without labels is always kept.
            if kept.in_order.len() >= self.declaration.series_budget && !values.is_empty() {
                return self.lost.clone();
            }
            let made = Arc::new(Series {
                cell: M::cell(self.declaration.bounds),
                values: values.iter().map(|value| value.to_string()).collect(),
                kept: true,
                drops: self.drops.clone(),
            });
            kept.by_hash.entry(hash).or_default().push(made.clone());
            kept.in_order.push(made.clone());
            made
        }

        fn hash(&self, values: &[&str]) -> u64 {
            let mut hasher = self.hasher.build_hasher();
            values.hash(&mut hasher);
            hasher.finish()
        }
    }

    impl<C> Kept<C> {
        fn find(&self, hash: u64, values: &[&str]) -> Option<Arc<Series<C>>> {
            let same = self.by_hash.get(&hash)?;
            same.iter().find(|series| series.has(values)).cloned()
        }
    }

    impl<M: Metric> Collect for Family<M> {
        fn write(&self, out: &mut String) {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            let all = kept.in_order.clone();
            drop(kept);
            text::write_head(out, self.declaration.name, self.declaration.help, M::KIND);
            for series in all {
                let name = self.declaration.name;
                M::write(
                    &series.cell,
                    &mut Lines::new(out, name, self.labels, &series.values),
                );
            }
        }

        fn dropped(&self) -> Vec<(&'static str, &'static str, u64)> {
            let name = self.declaration.name;
            vec![
                (name, "value", self.drops.value.load(Relaxed)),
                (
                    name,
                    "series_budget",
                    self.drops.series_budget.load(Relaxed),
                ),
            ]
        }
    }
}

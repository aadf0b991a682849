//! The metric families of the platform, a struct for each domain. It needs the standard library and nothing else.
//!
//! ```ignore
//! #[path = "metrics.rs"]
//! mod metrics;
//!
//! let registry = metrics::Registry::new();
//! let host = metrics::Host::new(&registry);
//! registry.serve("127.0.0.1:9091")?; // /metrics, /health, /ready
//! host.system_uptime_seconds.set(0.0);
//! ```
//!
//! A wrong name, label or type does not compile. After the start nothing panics and nothing blocks: what cannot be
//! kept is dropped and counted in `tapewatch_sdk_dropped_updates_total`.
#![allow(
    dead_code,
    non_snake_case,
    unused_imports,
    unused_macros,
    unused_variables
)]

pub use self::families::Metric;
pub use self::instruments::{Counter, Gauge, Histogram, Summary};
pub use self::registry::Registry;
pub use self::server::Server;

/// A type for each list of labels: `labels` gives the series with these values, to be kept and used on hot paths.
macro_rules! label_sets {
    ($($set:ident($($argument:ident),+): [$($label:literal = $value:ident),+];)*) => {$(
        /// A family with these labels.
        pub struct $set<M: Metric> {
            family: std::sync::Arc<families::Family<M>>,
        }

        impl<M: Metric> $set<M> {
            /// The series with these labels, made if there is none; beyond the budget one whose updates are dropped
            /// and counted.
            #[allow(clippy::too_many_arguments)]
            pub fn labels(&self, $($argument: &str),+) -> M {
                self.family.series(&[$($value),+])
            }

            /// Forgets a series, such as that of a symbol that is traded no more.
            #[allow(clippy::too_many_arguments)]
            pub fn remove(&self, $($argument: &str),+) {
                self.family.remove(&[$($value),+])
            }
        }

        impl<M: Metric> Clone for $set<M> {
            fn clone(&self) -> Self {
                Self { family: self.family.clone() }
            }
        }

        impl<M: Metric> families::Declared for $set<M> {
            fn declared(registry: &Registry, declaration: families::Declaration) -> Self {
                Self { family: registry.family(declaration, &[$($label),+]) }
            }
        }
    )*};
}

/// A struct for each domain, with a field for each of its families.
macro_rules! domain {
    (
        $(#[$about:meta])*
        $domain:ident, $budget:literal {
            $($(#[$words:meta])* $field:ident: $kind:ty = ($name:literal, $help:literal $(, [$($bound:literal),+])?);)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone)]
        pub struct $domain {
            $($(#[$words])* pub $field: $kind,)*
        }

        impl $domain {
            /// All families of the domain, in a registry. The same registry gives the same series again.
            pub fn new(registry: &Registry) -> Self {
                Self::with_budget(registry, $budget)
            }

            /// The same with another number of series that each family may have.
            pub fn with_budget(registry: &Registry, series_budget: usize) -> Self {
                Self {
                    $($field: <$kind as families::Declared>::declared(registry, families::Declaration {
                        name: $name,
                        help: $help,
                        bounds: &[$($($bound),+)?],
                        series_budget,
                    }),)*
                }
            }
        }
    };
}

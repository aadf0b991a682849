mod registry {
    use super::families::{Collect, Declaration, Family, Metric};
    use super::server::{serve, Server};
    use super::text;
    use std::any::Any;
    use std::io;
    use std::net::ToSocketAddrs;
    use std::sync::{Arc, Mutex, PoisonError};

    /// Keeps the families and writes them. A clone is the same registry.
    #[derive(Clone, Default)]
    pub struct Registry {
        families: Arc<Mutex<Vec<Entry>>>,
    }

    #[derive(Clone)]
    struct Entry {
        name: &'static str,
        family: Arc<dyn Any + Send + Sync>,
        collect: Arc<dyn Collect>,
    }

    impl Registry {
        /// An empty registry.
        pub fn new() -> Self {
            Self::default()
        }

        /// Everything in the Prometheus text format 0.0.4.
        pub fn encode(&self) -> String {
            let entries = self.entries();
            let mut out = String::new();
            for entry in &entries {
                entry.collect.write(&mut out);
            }
            let dropped = entries.iter().flat_map(|entry| entry.collect.dropped());
            text::write_dropped(&mut out, dropped);
            out
        }

        /// The same, into a file or a socket.
        pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
            out.write_all(self.encode().as_bytes())
        }

        /// Serves `/metrics`, `/health` and `/ready` from a thread of its own, until the program ends.
        ///
        /// An error means that the address cannot be listened on.
        pub fn serve(&self, address: impl ToSocketAddrs) -> io::Result<Server> {
            serve(self.clone(), address)
        }

        /// The family of this name, made if there is none.
        pub(super) fn family<M: Metric>(
            &self,
            declaration: Declaration,
            labels: &'static [&'static str],
        ) -> Arc<Family<M>> {
            let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
            let known = families.iter().find(|entry| entry.name == declaration.name);
            if let Some(Ok(found)) = known.map(|entry| entry.family.clone().downcast()) {
                return found;
            }
            let made = Arc::new(Family::new(declaration, labels));
            families.push(Entry {
                name: declaration.name,
                family: made.clone(),
                collect: made.clone(),
            });
            made
        }

        fn entries(&self) -> Vec<Entry> {
            let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
            families.clone()
        }
    }
}

//! What an installation needs, generated from the lists that the code itself uses. Files are compared with it by tests.

pub mod rbac;

#[cfg(test)]
mod tests {
    use crate::api;

    /// A chart can only include files below its own folder, so it carries copies.
    #[test]
    fn the_chart_installs_the_crds_of_this_version() {
        for crd in api::crds() {
            let plural = &crd.spec.names.plural;
            let path = format!("{}/charts/serin/files/crds/{plural}.yaml", env!("CARGO_MANIFEST_DIR"));
            expect_test::expect_file![path].assert_eq(&api::yaml(&crd).unwrap());
        }
    }
}

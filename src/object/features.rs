//! A feature set: what the model is shown, in order, and how it comes from the data.

use crate::encoding::record;
use crate::id::ProfileId;
use crate::name::PartName;
use crate::object::{link, object};

record! {
    /// An ordered list of features.
    pub struct Features {
        /// The features, in the order in which the model has them. Names are not repeated.
        pub features: Vec<Feature>,
        /// The datasets that they are built from, by their names in the manifest.
        pub datasets: Vec<PartName>,
        /// Statistics of the features, where they are materialised.
        pub profile: Option<ProfileId>,
    }
}

record! {
    /// A feature.
    pub struct Feature {
        /// Its name.
        pub name: String,
        /// Its type (`float`, `category`, …).
        pub dtype: Option<String>,
        /// The columns that it comes from.
        pub columns: Vec<String>,
        /// How it comes from them.
        pub transform: Option<String>,
        /// What it means.
        pub description: Option<String>,
    }
}

object!(Features, FeaturesId, |features, see| features.profile.into_iter().for_each(|id| see(link(id))));

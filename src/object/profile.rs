//! What the format of a dataset tells of it, and statistics of its columns.

use crate::encoding::record;
use crate::object::object;
use crate::value::Value;

record! {
    /// A summary of a dataset that is far smaller than the dataset.
    pub struct Profile {
        /// Rows of the table, samples, or leading dimension, over all files.
        pub rows: Option<u64>,
        /// The columns of a table, in its order.
        pub columns: Vec<Column>,
        /// The arrays of a file of tensors, by name.
        pub tensors: Vec<Tensor>,
        /// Why something could not be profiled.
        pub gap: Option<String>,
    }
}

record! {
    /// A column of a table.
    pub struct Column {
        /// Its name.
        pub name: String,
        /// Its type, in the words of the format.
        pub dtype: String,
        /// Values, missing ones included.
        pub count: Option<u64>,
        /// Missing values.
        pub missing: Option<u64>,
        /// Different values, estimated.
        pub distinct: Option<u64>,
        /// The smallest value.
        pub min: Option<Value>,
        /// The largest value.
        pub max: Option<Value>,
        /// Moments of a numeric column.
        pub moments: Option<Moments>,
        /// A mergeable sketch of the quantiles of a numeric column.
        pub quantiles: Option<Vec<f64>>,
        /// The most frequent values, most frequent first.
        pub top: Option<Vec<TopValue>>,
    }
}

record! {
    /// Moments of a distribution, that can be merged with those of more values.
    pub struct Moments {
        /// Finite values.
        pub count: u64,
        /// Their mean.
        pub mean: f64,
        /// The sum of their squared distances from the mean.
        pub m2: f64,
    }
}

record! {
    /// A frequent value.
    pub struct TopValue {
        /// The value.
        pub value: Value,
        /// How often it is there, at least.
        pub count: u64,
    }
}

record! {
    /// An array.
    pub struct Tensor {
        /// Its name, empty where the file holds only one.
        pub name: String,
        /// The type of its elements, in the words of the format.
        pub dtype: String,
        /// Its dimensions, outermost first.
        pub shape: Vec<u64>,
    }
}

object!(Profile, ProfileId);

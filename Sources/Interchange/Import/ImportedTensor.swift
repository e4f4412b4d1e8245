/// A tensor of a network in this engine, and the tensor of a folder that it is made of.
struct ImportedTensor: Sendable, Equatable {
    var engineName: String
    /// In the folder.
    var sourceName: String
    /// Of the result; of rows less than the source's where some are left out.
    var shape: [Int]
    /// First row of the source that is taken.
    var firstRow = 0
    /// Rows of the source.
    var sourceRows: Int
    /// How often the rows are repeated, where the source has one and the engine two.
    var repetitions = 1
    /// What the values are multiplied with.
    var factor = 1.0

    /// Whether all rows of the source are taken as they are.
    var isWhole: Bool { repetitions == 1 && firstRow == 0 && sourceRows == (shape.first ?? 1) && factor == 1 }

    /// What a person should know of how it is taken; empty where it is taken as it is.
    var remark: String {
        if repetitions > 1 { return "the row repeated \(repetitions) times" }
        if isWhole { return "" }
        if factor != 1 { return "times \(factor)" }
        let last = firstRow + (shape.first ?? 1) - 1
        return "rows \(firstRow) to \(last) of \(sourceRows)"
    }
}

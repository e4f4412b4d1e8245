/// What became of every tensor: of the model, where it comes from; of the folders, whether it was taken.
public struct ImportReport: Sendable, Equatable, Encodable {
    /// A tensor of the model that was read from a folder.
    public struct Taken: Sendable, Equatable, Encodable {
        public var name: String
        public var shape: [Int]
        /// Of the folder that it is in, and the number type there.
        public var folder: String
        public var source: String
        public var type: String
        /// Where it is not taken as it is: which rows, or how often.
        public var remark: String?
    }

    /// A tensor of the model that no folder has.
    public struct Made: Sendable, Equatable, Encodable {
        public var name: String
        public var shape: [Int]
        /// How its values came about.
        public var how: String
    }

    /// A tensor of a folder that the model has no place for.
    public struct Left: Sendable, Equatable, Encodable {
        public var folder: String
        public var name: String
        public var shape: [Int]
        public var reason: String
    }

    public var taken: [Taken] = []
    public var made: [Made] = []
    public var left: [Left] = []
}

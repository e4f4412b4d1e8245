/// Ids of the tokens that the objective treats specially.
public struct SpecialTokenIDs: Sendable, Equatable {
    public var padding: Int32
    public var classification: Int32
    public var separator: Int32
    public var mask: Int32

    public init(padding: Int32, classification: Int32, separator: Int32, mask: Int32) {
        self.padding = padding
        self.classification = classification
        self.separator = separator
        self.mask = mask
    }

    var neverMasked: [Int32] { [padding, classification, separator] }
}

import Tokenization

extension SpecialTokens {
    /// Ids that are never masked and never counted as text.
    package var neverMasked: [Int32] { [padding, classification, separator] }
}

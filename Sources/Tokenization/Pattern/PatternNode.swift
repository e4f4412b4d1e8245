/// A regular expression as a tree.
indirect enum PatternNode {
    enum Mode { case greedy, lazy, possessive }

    case set(ScalarSet)
    case sequence([PatternNode])
    /// The first alternative that leads to a match is taken.
    case alternatives([PatternNode])
    case repetition(PatternNode, minimum: Int, maximum: Int?, Mode)
    case lookahead(PatternNode, isNegative: Bool)
    case atomic(PatternNode)
    case lineStart, lineEnd, textStart, textEnd, textEndOrLastLineEnd
    case wordBoundary(isNegative: Bool)

    /// Whether it can match without consuming anything.
    var canBeEmpty: Bool {
        switch self {
        case .set: false
        case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
        case .alternatives(let parts): parts.contains(where: \.canBeEmpty)
        case .repetition(let body, let minimum, _, _): minimum == 0 || body.canBeEmpty
        case .atomic(let body): body.canBeEmpty
        case .lookahead, .lineStart, .lineEnd, .textStart, .textEnd, .textEndOrLastLineEnd, .wordBoundary: true
        }
    }
}

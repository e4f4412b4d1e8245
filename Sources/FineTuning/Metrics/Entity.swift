/// What the labels of consecutive words say is one thing.
package struct Entity: Hashable, Sendable {
    package var name: String
    package var words: Range<Int>

    package init(name: String, words: Range<Int>) {
        self.name = name
        self.words = words
    }

    /// Whether a label is O, or one of the prefixes and a name.
    static func isTag(_ label: String) -> Bool {
        label == "O" || ["B-", "I-", "E-", "S-"].contains { label.hasPrefix($0) && label.count > $0.count }
    }

    /// Read as seqeval reads them without a scheme, which is how conlleval does: an I behind another name or an O begins an
    /// entity as a B does, E and S end one.
    ///
    /// - Parameter labels: of the words of one text.
    package static func entities(_ labels: [String]) -> [Entity] {
        var entities: [Entity] = []
        var (before, nameBefore, start): (Character, String, Int) = ("O", "", 0)
        for index in 0...labels.count {
            let label = index < labels.count ? labels[index] : "O"
            let (tag, name) = parts(label)
            let isOther = nameBefore != name
            if "ES".contains(before) || "BI".contains(before) && "BSO".contains(tag)
                || !"O.".contains(before) && isOther
            {
                entities.append(Entity(name: nameBefore, words: start..<index))
            }
            if "BS".contains(tag) || "ESO".contains(before) && "EI".contains(tag) || !"O.".contains(tag) && isOther {
                start = index
            }
            (before, nameBefore) = (tag, name)
        }
        return entities
    }

    /// The first character, and what stands behind the first hyphen that follows.
    private static func parts(_ label: String) -> (Character, String) {
        let rest = label.dropFirst()
        let name = rest.firstIndex(of: "-").map { rest[rest.index(after: $0)...] } ?? rest
        return (label.first ?? "O", name.isEmpty ? "_" : String(name))
    }
}

extension TaskScores {
    /// Of the labels of words: accuracy, and precision, recall and F1 of whole entities, as seqeval's.
    public init(loss: Double, predicted: [[String]], labels: [[String]]) {
        precondition(predicted.count == labels.count && !labels.isEmpty)
        self.init(loss: loss, texts: labels.count)
        var (right, words, hits, guesses, present) = (0, 0, 0, 0, 0)
        for (predicted, labels) in zip(predicted, labels) {
            right += zip(predicted, labels).count { $0 == $1 }
            words += labels.count
            let (found, truth) = (Set(Entity.entities(predicted)), Set(Entity.entities(labels)))
            hits += found.intersection(truth).count
            guesses += found.count
            present += truth.count
        }
        predictsOneClass = Set(predicted.joined()).count == 1
        accuracy = Double(right) / Double(max(words, 1))
        entityPrecision = guesses == 0 ? 0 : Double(hits) / Double(guesses)
        entityRecall = present == 0 ? 0 : Double(hits) / Double(present)
        entityF1 = guesses + present == 0 ? 0 : 2 * Double(hits) / Double(guesses + present)
    }
}

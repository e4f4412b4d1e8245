import Encoder

extension FineTuningSettings {
    var encoderUse: EncoderUse {
        var encoderUse = EncoderUse(frozenLayers: frozenLayers)
        encoderUse.layers = layers
        encoderUse.gradientDropping = gradientDropping
        encoderUse.sharedVectorSize = encoderVector
        encoderUse.adapters = adapterSize.map { AdapterConfiguration(size: $0, copies: adapterCopies) }
        return encoderUse
    }
}

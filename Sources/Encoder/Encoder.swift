// Encoder

// Scores through a colour map.
uniform highp sampler2D u_scores;
uniform sampler2D u_colours;
uniform float u_low;
uniform float u_high;
uniform float u_opacity;
uniform bool u_fade;  // low scores let the picture through

void main() {
  vec2 image = imagePosition();
  if (beyondImage(image)) discard;
  vec2 score = sampleMean(u_scores, image / u_stride);
  if (score.y == 0.0) discard;
  float position = clamp((score.x - u_low) / (u_high - u_low), 0.0, 1.0);
  float size = float(textureSize(u_colours, 0).x);
  vec3 colour = texture(u_colours, vec2((position * (size - 1.0) + 0.5) / size, 0.5)).rgb;
  float opacity = u_opacity * (u_fade ? position : 1.0);
  o_colour = vec4(colour * opacity, opacity);
}

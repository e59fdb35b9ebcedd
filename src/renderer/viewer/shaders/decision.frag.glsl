// Pixels whose score is at or above the threshold: filled, or as the line around them.
uniform highp sampler2D u_scores;
uniform highp float u_threshold;
uniform vec3 u_colour;
uniform float u_opacity;
uniform bool u_outline;
uniform float u_lineWidth;  // plane pixels; from 1 on, the outermost flagged pixels are the line

bool flagged(vec2 found) {
  return found.y > 0.0 && found.x >= u_threshold;
}

bool flaggedAt(vec2 position) {
  float value = valueNear(u_scores, position);
  return isNumber(value) && value >= u_threshold;
}

// Inside a flagged pixel, near enough to one that is not.
bool onEdge(vec2 position) {
  vec2 cell = floor(position) + 0.5;
  vec2 inside = fract(position);
  float w = min(u_lineWidth, 1.0);
  for (int y = -1; y <= 1; y += 1) {
    for (int x = -1; x <= 1; x += 1) {
      bool near = (x == 0 || (x < 0 ? inside.x < w : inside.x >= 1.0 - w)) && (y == 0 || (y < 0 ? inside.y < w : inside.y >= 1.0 - w));
      if (near && !flaggedAt(cell + vec2(x, y))) return true;
    }
  }
  return false;
}

void main() {
  vec2 image = imagePosition();
  if (beyondImage(image)) discard;
  vec2 position = image / u_stride;
  if (!flagged(sampleLargest(u_scores, position))) discard;
  // Where pixels are smaller than the screen's there is no room for an outline.
  if (u_outline && u_footprint <= 1.0 && !onEdge(position)) discard;
  o_colour = vec4(u_colour * u_opacity, u_opacity);
}

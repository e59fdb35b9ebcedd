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

void main() {
  if (beyondImage()) discard;
  vec2 position = v_image / u_stride;
  if (!flagged(sampleLargest(u_scores, position))) discard;
  // Where pixels are smaller than the screen's there is no room for an outline.
  if (u_outline && u_footprint <= 1.0) {
    vec2 cell = floor(position) + 0.5;
    vec2 inside = fract(position);
    float w = min(u_lineWidth, 1.0);
    bvec4 near = bvec4(inside.x < w, inside.x >= 1.0 - w, inside.y < w, inside.y >= 1.0 - w);
    bool edge = (near.x && !flaggedAt(cell - vec2(1.0, 0.0)))
      || (near.y && !flaggedAt(cell + vec2(1.0, 0.0)))
      || (near.z && !flaggedAt(cell - vec2(0.0, 1.0)))
      || (near.w && !flaggedAt(cell + vec2(0.0, 1.0)))
      || (near.x && near.z && !flaggedAt(cell + vec2(-1.0, -1.0)))
      || (near.y && near.z && !flaggedAt(cell + vec2(1.0, -1.0)))
      || (near.x && near.w && !flaggedAt(cell + vec2(-1.0, 1.0)))
      || (near.y && near.w && !flaggedAt(cell + vec2(1.0, 1.0)));
    if (!edge) discard;
  }
  o_colour = vec4(u_colour * u_opacity, u_opacity);
}

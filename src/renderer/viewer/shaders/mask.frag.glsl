// Classes of a mask, as a table says: colour, and in alpha whether the class is clear (0), hatched (0.5) or filled (1).
uniform highp usampler2D u_classes;
uniform sampler2D u_table;
uniform float u_opacity;
uniform bool u_outline;
uniform float u_lineWidth;  // plane pixels; from 1 on, the outermost pixels of a class are the line

uint classNear(vec2 position) {
  ivec2 texel = ivec2(floor(position - u_textureOrigin));
  return texelFetch(u_classes, clampTexel(texel, textureSize(u_classes, 0)), 0).r;
}

// Inside a class, near enough to a pixel of another one.
bool onEdge(vec2 position, uint own) {
  vec2 cell = floor(position) + 0.5;
  vec2 inside = fract(position);
  float w = min(u_lineWidth, 1.0);
  for (int y = -1; y <= 1; y += 1) {
    for (int x = -1; x <= 1; x += 1) {
      bool near = (x == 0 || (x < 0 ? inside.x < w : inside.x >= 1.0 - w)) && (y == 0 || (y < 0 ? inside.y < w : inside.y >= 1.0 - w));
      if (near && classNear(cell + vec2(x, y)) != own) return true;
    }
  }
  return false;
}

void main() {
  vec2 image = imagePosition();
  if (beyondImage(image)) discard;
  vec2 position = image / u_stride;
  int n = taps();
  uint found = 0u;
  vec4 drawn = vec4(0.0);
  for (int y = 0; y < MOST_TAPS; y += 1) {
    if (y >= n) break;
    for (int x = 0; x < MOST_TAPS; x += 1) {
      if (x >= n) break;
      vec2 offset = (n == 1) ? vec2(0.0) : ((vec2(x, y) + 0.5) / float(n) - 0.5) * u_footprint;
      uint near = classNear(position + offset);
      vec4 entry = texelFetch(u_table, ivec2(near, 0), 0);
      // Of several classes under one pixel of the screen the one with the highest id that is drawn is seen.
      if (entry.a > 0.0 && (drawn.a == 0.0 || near > found)) {
        found = near;
        drawn = entry;
      }
    }
  }
  if (drawn.a == 0.0) discard;
  if (drawn.a < 0.75) {
    float stripe = mod(gl_FragCoord.x + gl_FragCoord.y, 8.0);
    if (stripe > 2.0) discard;
    o_colour = vec4(drawn.rgb * u_opacity, u_opacity);
    return;
  }
  // Where pixels are smaller than the screen's there is no room for an outline.
  if (u_outline && u_footprint <= 1.0 && !onEdge(position, found)) discard;
  o_colour = vec4(drawn.rgb * u_opacity, u_opacity);
}

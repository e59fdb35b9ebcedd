// Classes of a mask: 0 is clear, 255 is ignored and hatched, every other class has its colour.
uniform highp usampler2D u_classes;
uniform vec3 u_colours[8];
uniform float u_opacity;
uniform vec3 u_ignored;
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
  for (int y = 0; y < MOST_TAPS; y += 1) {
    if (y >= n) break;
    for (int x = 0; x < MOST_TAPS; x += 1) {
      if (x >= n) break;
      vec2 offset = (n == 1) ? vec2(0.0) : ((vec2(x, y) + 0.5) / float(n) - 0.5) * u_footprint;
      found = max(found, classNear(position + offset));
    }
  }
  if (found == 0u) discard;
  if (found == 255u) {
    float stripe = mod(gl_FragCoord.x + gl_FragCoord.y, 8.0);
    if (stripe > 2.0) discard;
    o_colour = vec4(u_ignored * u_opacity, u_opacity);
    return;
  }
  // Where pixels are smaller than the screen's there is no room for an outline.
  if (u_outline && u_footprint <= 1.0 && !onEdge(position, found)) discard;
  vec3 colour = u_colours[int((found - 1u) % 8u)];
  o_colour = vec4(colour * u_opacity, u_opacity);
}

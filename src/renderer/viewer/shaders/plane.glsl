// Reading a plane of which one tile is in a texture.
uniform float u_stride;        // image pixels per plane pixel
uniform vec2 u_textureOrigin;  // plane pixel of the first texel
uniform vec2 u_imageSize;      // image pixels
uniform float u_footprint;     // plane pixels per device pixel
uniform vec3 u_camera;         // as in tile.vert.glsl
uniform vec2 u_viewport;

out vec4 o_colour;

const int MOST_TAPS = 4;

// Image pixels under this device pixel. Interpolated corners would round differently in every tile.
vec2 imagePosition() {
  vec2 fromCentre = gl_FragCoord.xy - 0.5 * u_viewport;
  return u_camera.xy + vec2(fromCentre.x, -fromCentre.y) / u_camera.z;
}

bool beyondImage(vec2 image) {
  return image.x >= u_imageSize.x || image.y >= u_imageSize.y;
}

// NaN and infinities by their bits: compilers may assume that there are none.
bool isNumber(float value) {
  return (floatBitsToUint(value) & 0x7f800000u) != 0x7f800000u;
}

ivec2 clampTexel(ivec2 texel, ivec2 size) {
  return clamp(texel, ivec2(0), size - 1);
}

float valueNear(highp sampler2D plane, vec2 position) {
  ivec2 texel = ivec2(floor(position - u_textureOrigin));
  return texelFetch(plane, clampTexel(texel, textureSize(plane, 0)), 0).r;
}

// Taps along one axis of the area that a device pixel covers.
int taps() {
  return clamp(int(ceil(u_footprint)), 1, MOST_TAPS);
}

// Nearest pixel when a pixel covers the screen's, else the mean over the area. xy: value, whether it is a number.
vec2 sampleMean(highp sampler2D plane, vec2 position) {
  int n = taps();
  float sum = 0.0;
  float count = 0.0;
  for (int y = 0; y < MOST_TAPS; y += 1) {
    if (y >= n) break;
    for (int x = 0; x < MOST_TAPS; x += 1) {
      if (x >= n) break;
      vec2 offset = (n == 1) ? vec2(0.0) : ((vec2(x, y) + 0.5) / float(n) - 0.5) * u_footprint;
      float value = valueNear(plane, position + offset);
      if (isNumber(value)) {
        sum += value;
        count += 1.0;
      }
    }
  }
  return count > 0.0 ? vec2(sum / count, 1.0) : vec2(0.0);
}

// The largest over the area: what is small must not vanish when zoomed out.
vec2 sampleLargest(highp sampler2D plane, vec2 position) {
  int n = taps();
  float largest = -3.402823e38;
  float found = 0.0;
  for (int y = 0; y < MOST_TAPS; y += 1) {
    if (y >= n) break;
    for (int x = 0; x < MOST_TAPS; x += 1) {
      if (x >= n) break;
      vec2 offset = (n == 1) ? vec2(0.0) : ((vec2(x, y) + 0.5) / float(n) - 0.5) * u_footprint;
      float value = valueNear(plane, position + offset);
      if (isNumber(value)) {
        largest = max(largest, value);
        found = 1.0;
      }
    }
  }
  return vec2(largest, found);
}

